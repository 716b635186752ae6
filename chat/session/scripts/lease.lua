-- Take, keep or give back the lease, by whoever has it (rule R2).
-- KEYS: 1 lease (string)
-- ARGV: 1 'acquire', 'renew' or 'release'  2 owner  3 time to live (ms)
-- Returns 1, or 0 if somebody else has it (or, but for 'acquire', nobody).
local owner = redis.call('GET', KEYS[1])
if owner == ARGV[2] then
  if ARGV[1] == 'release' then redis.call('DEL', KEYS[1])
  else redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
  return 1
end
if owner or ARGV[1] ~= 'acquire' then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
