-- Say how busy a worker is, and read how busy the others are. By the server's clock: no two machines are compared.
-- KEYS: 1 loads (hash: worker -> '<expires ms> <text>')
-- ARGV: 1 worker  2 text, or '' to be forgotten  3 time to live (ms)
-- Returns worker, text, worker, text, ... of all whose time is not up, this one included.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if ARGV[2] == '' then redis.call('HDEL', KEYS[1], ARGV[1])
else redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %s', now + tonumber(ARGV[3]), ARGV[2])) end
local all = redis.call('HGETALL', KEYS[1])
local seen = {}
for i = 1, #all, 2 do
  local expires, text = string.match(all[i + 1], '^(%d+) (.*)$')
  if expires and tonumber(expires) > now then
    seen[#seen + 1] = all[i]
    seen[#seen + 1] = text
  else
    redis.call('HDEL', KEYS[1], all[i])
  end
end
return seen
