-- Leaves the gate: closed behind the winner, or open again.
-- KEYS: gate   ARGV: mine, what to leave there ('' = open), life in ms   Returns 1 if the gate was mine.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
if ARGV[2] == '' then
  redis.call('UNLINK', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
