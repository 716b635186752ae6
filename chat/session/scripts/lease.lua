-- Take, keep or give back the lease, by whoever has it (rule R2).
-- KEYS: 1 lease (string)
-- ARGV: 1 'acquire', 'reclaim', 'renew', 'release' or 'hold'  2 owner  3 time to live (ms)
--       4 for 'reclaim': an owner who may be replaced
-- Returns 1, or 0 if somebody else has it (or, for 'renew' and 'release', nobody).
local owner = redis.call('GET', KEYS[1])
if ARGV[1] == 'hold' then
  if not owner then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  elseif redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
  return 1
end
if ARGV[1] == 'reclaim' and owner == ARGV[4] then owner = false end
if owner == ARGV[2] then
  if ARGV[1] == 'release' then redis.call('DEL', KEYS[1])
  else redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
  return 1
end
if owner or (ARGV[1] ~= 'acquire' and ARGV[1] ~= 'reclaim') then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
