-- Hold the result of a command that changed nothing (rule W5).
-- KEYS: 1 meta (hash)  2 commands (hash)
-- ARGV: 1 command id  2 digest and result as JSON  3 idle time to live (ms)
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSETNX', KEYS[2], ARGV[1], ARGV[2])
if redis.call('PTTL', KEYS[1]) > 0 then redis.call('PEXPIRE', KEYS[2], ARGV[3]) end
return 1
