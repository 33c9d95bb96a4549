-- Reads one page of one view, newest first.
-- KEYS: fence, head, rows, index, gens
-- ARGV: view, after (position, '' = from the top), limit, complete ('1': this view misses no order), etag known,
--       and of the page known by it the position of the row behind it ('' = there is none, or it is not known)
-- Returns {state, epoch, now, etag, behind, count, last, page}, of which only a hit has all:
--   state   'hit', 'same' (the page the caller knows by its etag), 'partial' (it would reach the horizon,
--           below which orders are missing), 'no-fence' or 'broken'
--   behind  position of the first row that is not on the page, '' if there is none
--   count   rows in the view, -1 unless it is complete   page  payloads joined by commas
--   last    position after which the next page begins, '' if there is none
local time = redis.call('TIME')
local now = string.format('%d%06d', time[1], time[2])
local head = redis.call('HMGET', KEYS[2], 'epoch', 'horizon')
local epoch, horizon = head[1] or '', head[2]
if redis.call('EXISTS', KEYS[1]) == 0 or not horizon then
  return { 'no-fence', epoch, now }
end
local view, after, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])
local width = #view
local complete = ARGV[4] == '1' or horizon == '0000000000'
-- When the horizon leaves the bottom, views that were complete are so no longer: their ETags end.
local etag = epoch .. '-' .. (redis.call('HGET', KEYS[5], view) or '0') .. (horizon == '0000000000' and 'a' or '')
if etag == ARGV[5] and (complete or ARGV[6] > horizon) then
  return { 'same', epoch, now, etag, ARGV[6] }
end

local highest = after == '' and view .. '\255' or view .. after
local found = redis.call('ZREVRANGEBYLEX', KEYS[4], '(' .. highest, '[' .. view, 'LIMIT', 0, limit + 1)
local more = #found > limit
local behind = more and string.sub(found[limit + 1], width + 1, width + 10) or ''
if not complete and not (behind > horizon) then
  return { 'partial', epoch, now }
end
if etag == ARGV[5] then
  return { 'same', epoch, now, etag, behind }
end
local page = ''
if #found > 0 then
  local ids = {}
  for i = 1, math.min(#found, limit) do
    ids[i] = string.sub(found[i], width + 11)
  end
  local payloads = redis.call('HMGET', KEYS[3], unpack(ids))
  for i = 1, #ids do
    if not payloads[i] then
      return { 'broken', epoch, now }
    end
  end
  page = table.concat(payloads, ',')
end
local count = -1
if complete then
  count = redis.call('ZLEXCOUNT', KEYS[4], '[' .. view, '(' .. view .. '\255')
end
local last = more and string.sub(found[limit], width + 1, width + 10) or ''
return { 'hit', epoch, now, etag, behind, count, last, page }
