-- Append events, all or nothing (rule S2).
-- KEYS: 1 meta (hash)  2 state (hash)  3 log (stream)  4 commands (hash)  5 part (string)
-- ARGV: 1 epoch  2 seq  3 tag  4 server  5 fence or ''  6 command id or ''  7 digest  8 result
--       9 '1' to clear the part  10 log limit (entries)  11 number of events  12 number of changed fields
--       13 last tag, as the writer computed it
--       then the events, then field and value of each changed field, then the fields that leave
-- Returns {'ok', tag...}, {'missing'}, {'fenced'}, {'duplicate', result}, {'reused'} or {'conflict'}.
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'tag', 'fence', 'archived', 'server', 'held',
  'offset')
if not meta[1] then return {'missing'} end
if ARGV[5] ~= '' and tonumber(ARGV[5]) < tonumber(meta[4]) then return {'fenced'} end
if ARGV[6] ~= '' then
  local known = redis.call('HGET', KEYS[4], ARGV[6])
  if known then
    known = cjson.decode(known)
    if known.digest ~= ARGV[7] then return {'reused'} end
    return {'duplicate', known.result}
  end
end
local count = tonumber(ARGV[11])
if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] or meta[3] ~= ARGV[3] or meta[6] ~= ARGV[4] then
  -- The writer may have lost the answer and asked again: then its own events stand where it wants them.
  local last = string.format('%d-0', tonumber(ARGV[2]) + count)
  local mine = meta[1] == ARGV[1] and redis.call('XRANGE', KEYS[3], last, last)[1]
  if not mine or mine[2][6] ~= ARGV[13] then return {'conflict'} end
  local reply = {'ok'}
  for i = 1, count do
    local id = string.format('%d-0', tonumber(ARGV[2]) + i)
    reply[i + 1] = redis.call('XRANGE', KEYS[3], id, id)[1][2][6]
  end
  return reply
end

-- A patch on nothing would be taken for the whole state.
if not whole(meta[7], meta[2], meta[8]) then return {'missing'} end

local at = 14 + count
local fields = tonumber(ARGV[12])
if fields > 0 then redis.call('HSET', KEYS[2], unpack(ARGV, at, at + 2 * fields - 1)) end
at = at + 2 * fields
if at <= #ARGV then redis.call('HDEL', KEYS[2], unpack(ARGV, at)) end

local asked = cjson.encode({digest = ARGV[7], result = ARGV[8]})
local reply = {'ok'}
local seq = tonumber(meta[2])
local tag = meta[3]
for i = 1, count do
  local text = ARGV[13 + i]
  local prev = tag
  seq = seq + 1
  tag = string.sub(redis.sha1hex(prev .. text), 1, 16)
  local id = string.format('%d-0', seq)
  if i == 1 and ARGV[6] ~= '' then
    redis.call('XADD', KEYS[3], id, 'e', text, 'p', prev, 't', tag, 'c', ARGV[6], 'j', asked)
  else
    redis.call('XADD', KEYS[3], id, 'e', text, 'p', prev, 't', tag)
  end
  reply[i + 1] = tag
end
if ARGV[6] ~= '' then
  redis.call('HSET', KEYS[4], ARGV[6], asked)
end
local seq_text = string.format('%d', seq)
local held = tostring(redis.call('EXISTS', KEYS[2]))
if ARGV[9] == '1' then
  redis.call('DEL', KEYS[5])
  redis.call('HSET', KEYS[1], 'seq', seq_text, 'tag', tag, 'held', held,
    'message', '', 'offset', '0', 'parts', '0')
else
  redis.call('HSET', KEYS[1], 'seq', seq_text, 'tag', tag, 'held', held, 'parts', '0')
end
-- Nothing that the journal lacks may leave, neither by trimming nor by being idle.
if meta[5] == meta[2] and count < tonumber(ARGV[10]) then
  redis.call('XTRIM', KEYS[3], 'MAXLEN', '~', ARGV[10])
end
for i = 1, 5 do redis.call('PERSIST', KEYS[i]) end
return reply
