// Why is this empty? unfold loads 200 kB of Chart.js into every page; ours draw with SVG, on old PCs too.
