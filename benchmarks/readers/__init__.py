"""Do independent readers find the same volumes in real files, and what does measuring cost?

`python -m benchmarks.readers FOLDER` compares, `python -m benchmarks.readers --scale` takes time and memory.
What the independent readers need is in requirements-compare.txt.
"""
