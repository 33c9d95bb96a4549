-- Retention: drop some of what is neither among the latest nor unclaimed.
-- KEYS: head, meta, rows, index, gens, tombs   ARGV: latest, width, most
-- Returns how many rows went; call again until it is 0.
local time = now()
local dropped = trim(tonumber(ARGV[1]), tonumber(ARGV[3]), tonumber(ARGV[2]), time)
forget(time, tonumber(ARGV[3]))
bump(time)
return dropped
