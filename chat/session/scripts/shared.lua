-- What several scripts use; it is put before each of them.
-- KEYS of those that do: 1 meta (hash)  2 state (hash)  3 log (stream)  4 commands (hash)  5 part (string)

-- Whether no key has vanished alone, evicted or deleted (rule S6). Of meta: `held` says whether there was a state (false:
-- a release that did not tell), `offset` whether there was text.
local function whole(held, seq, offset)
  local state = held == '0' or (not held and seq == '0') or redis.call('EXISTS', KEYS[2]) == 1
  return state and (offset == '0' or redis.call('EXISTS', KEYS[5]) == 1)
end
