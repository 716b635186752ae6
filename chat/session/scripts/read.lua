-- What follows the positions of readers, for many conversations at once.
-- KEYS: for each conversation: meta (hash), log (stream)
-- ARGV: 1 server  2 most entries per conversation  then for each: epoch, seq and number of its position
-- Returns for each: 0 nothing new, 1 lost, or its entries.
local replies = {}
for i = 1, #KEYS / 2 do
  local at = 3 * i
  local meta = redis.call('HMGET', KEYS[2 * i - 1], 'epoch', 'server', 'seq', 'parts')
  local seq = tonumber(ARGV[at + 1])
  local number = tonumber(ARGV[at + 2])
  if meta[1] ~= ARGV[at] or meta[2] ~= ARGV[1] then
    replies[i] = 1
  else
    local head = tonumber(meta[3])
    local parts = tonumber(meta[4])
    if seq > head or (seq == head and number > parts) then
      replies[i] = 1
    elseif seq == head and number == parts then
      replies[i] = 0
    else
      local after = string.format('(%d-%d', seq, number)
      local entries = redis.call('XRANGE', KEYS[2 * i], after, '+', 'COUNT', ARGV[2])
      -- Nothing may be missing in between: the next entry is a part of the same place, or the next event.
      local first = entries[1] and entries[1][1]
      local next_part = string.format('%d-%d', seq, number + 1)
      local next_event = string.format('%d-0', seq + 1)
      if first == next_part or first == next_event then
        replies[i] = entries
      else
        replies[i] = 1
      end
    end
  end
end
return replies
