-- The relay's pass over a partition of rows: apply changes, then renew the fence.
-- KEYS: head, fence, row...   ARGV: last nonce, my nonce, fence until (ms; 0 = not yet), ttl in ms,
--                                   then for each row: version, owner, found, payload
-- Returns {outcome, now}; outcome is 'done' or 'foreign'.
local side = whose(KEYS[1], ARGV[1], ARGV[2])
if side == 'mine' then
  local epoch = redis.call('HGET', KEYS[1], 'epoch')
  for i = 3, #KEYS do
    local at = 5 + (i - 3) * 4
    put(KEYS[i], epoch, ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[4])
  end
  redis.call('HSET', KEYS[1], 'nonce', ARGV[2])
  renew(KEYS[2], ARGV[3], { KEYS[1] })
  side = 'done'
end
return { side, now() }
