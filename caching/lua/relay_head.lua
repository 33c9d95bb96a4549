-- Shared by the relay's scripts: the nonce proves that nothing was lost since this relay wrote last.

-- 'mine': the nonce is the one written last; 'done': this very script ran already and its reply was lost;
-- 'foreign': another relay, an empty server or an older copy of the data.
local function whose(head, last, mine)
  local nonce = redis.call('HGET', head, 'nonce')
  if nonce == mine then
    return 'done'
  elseif nonce and nonce == last then
    return 'mine'
  end
  return 'foreign'
end

-- The fence stands until an absolute time: a server that was frozen or split off wakes without it.
-- One hour after the last renewal the keys go too, so that those of an old release don't stay for ever.
local function renew(fence, until_ms, keys)
  if tonumber(until_ms) > 0 then
    redis.call('SET', fence, '1', 'PXAT', until_ms)
    for _, key in ipairs(keys) do
      redis.call('EXPIRE', key, 3600)
    end
  end
end
