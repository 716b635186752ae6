-- Add streaming text (rule W4): offset-addressed, so that a repeated part is harmless and a gap is seen.
-- KEYS: 1 meta (hash)  2 state (hash)  3 log (stream)  4 commands (hash)  5 part (string)
-- ARGV: 1 server  2 fence  3 step  4 offset (UTF-16 units)  5 length (UTF-16 units)  6 text
--       7 log limit (entries)  8 idle time to live (ms)
-- Returns {'ok'}, {'missing'}, {'fenced'}, {'conflict'}, {'gap', have} or {'overlap', have}.
local meta = redis.call('HMGET', KEYS[1], 'seq', 'fence', 'server', 'message', 'offset', 'parts', 'archived',
  'held')
if not meta[1] then return {'missing'} end
if tonumber(ARGV[2]) < tonumber(meta[2]) then return {'fenced'} end
if meta[3] ~= ARGV[1] then return {'conflict'} end
if not whole(meta[8], meta[1], meta[5]) then return {'missing'} end
local offset = tonumber(ARGV[4])
local length = tonumber(ARGV[5])
local have = 0
if meta[4] == ARGV[3] then have = tonumber(meta[5]) end
if offset > have then return {'gap', have} end
if offset + length <= have then return {'ok'} end
if offset < have then return {'overlap', have} end
if offset == 0 then redis.call('DEL', KEYS[5]) end
local number = tonumber(meta[6]) + 1
redis.call('XADD', KEYS[3], string.format('%s-%d', meta[1], number), 'm', ARGV[3], 'o', ARGV[4], 'x', ARGV[6])
redis.call('APPEND', KEYS[5], ARGV[6])
redis.call('HSET', KEYS[1], 'message', ARGV[3], 'offset', string.format('%d', offset + length), 'parts', string.format('%d', number))
if meta[7] == meta[1] and number % 64 == 1 then
  for i = 1, 5 do redis.call('PEXPIRE', KEYS[i], ARGV[8]) end
  redis.call('XTRIM', KEYS[3], 'MAXLEN', '~', ARGV[7])
end
return {'ok'}
