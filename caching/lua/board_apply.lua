-- The relay's pass over the board: apply changes, publish the counts, then renew the fence.
-- KEYS: head, meta, rows, index, gens, tombs, fence, counts
-- ARGV: last nonce, my nonce, fence until (ms; 0 = not yet), latest, width, most rows, horizon ('' = as it
--       is), counts (JSON, '' = as they are), their time, then for each row: id, version, position, droppable,
--       views, payload
-- Returns {outcome, now, rows}; outcome is 'done', 'foreign', 'full' (too many rows to be trusted with more:
-- no fence) or 'broken' (an index and rows that don't match: somebody else wrote here).
local time, width = now(), tonumber(ARGV[5])
local side = whose(HEAD, ARGV[1], ARGV[2])
local size = redis.call('HLEN', ROWS)
if side ~= 'mine' then
  return { side, time, size }
end
put_all(10, tonumber(ARGV[4]), width, time)
if ARGV[7] > (redis.call('HGET', HEAD, 'horizon') or '') then
  redis.call('HSET', HEAD, 'horizon', ARGV[7])
end
redis.call('HSET', HEAD, 'nonce', ARGV[2])
if ARGV[8] ~= '' then
  if redis.call('HGET', KEYS[8], 'counts') ~= ARGV[8] then
    redis.call('HSET', KEYS[8], 'counts', ARGV[8], 'changed', time)
  end
  redis.call('HSET', KEYS[8], 'as_of', ARGV[9])
end
size = redis.call('HLEN', ROWS)
local any = string.rep('*', width)
if redis.call('ZLEXCOUNT', INDEX, '[' .. any, '(' .. any .. '\255') ~= size
  or redis.call('HLEN', META) ~= size + redis.call('ZCARD', TOMBS) then
  return { 'broken', time, size }
end
if size > tonumber(ARGV[6]) then
  return { 'full', time, size }
end
renew(KEYS[7], ARGV[3], { HEAD, META, ROWS, INDEX, GENS, TOMBS, KEYS[8] })
return { 'done', time, size }
