-- Stores the writes of one commit to one tenant, with a change in the tenant's stream for each that others follow.
-- Redis runs it as a whole or, where it refuses the script (no memory, no primary, no right to a key), not at all; what may still fail
-- inside, such as a key of another type under the name of the stream, comes before anything is changed.
-- KEYS: guard, changes, the lease where there is one, the keys of the records.
-- ARGV: number of this write, writer, length of the stream, fence or '', then for each record: count of words (-1 deletes), '1' where it
-- is followed, milliseconds to live or '0', and its words, which are names and values of fields.
local number, writer, longest, fence = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local last = redis.call('GET', KEYS[1])
if last and tonumber(last) >= tonumber(number) then
  return redis.error_reply('STALE a later write of this process was done before this one')
end
local first = 3
if fence ~= '' then
  if redis.call('GET', KEYS[3]) ~= fence then return 0 end
  first = 4
end

local previous
local function follow(key)
  if not previous then
    previous = '0-0'
    if redis.call('EXISTS', KEYS[2]) == 1 then
      local info = redis.call('XINFO', 'STREAM', KEYS[2])
      for place = 1, #info, 2 do
        if info[place] == 'last-generated-id' then previous = info[place + 1] end
      end
    end
  end
  previous = redis.call('XADD', KEYS[2], 'MAXLEN', '~', longest, '*', 'k', key, 'w', writer, 'p', previous)
end

local place = 5
for i = first, #KEYS do
  if ARGV[place + 1] == '1' then follow(KEYS[i]) end
  place = place + 3 + math.max(tonumber(ARGV[place]), 0)
end
place = 5
for i = first, #KEYS do
  local words, lives = tonumber(ARGV[place]), tonumber(ARGV[place + 2])
  redis.call('DEL', KEYS[i])
  if words > 0 then
    redis.call('HSET', KEYS[i], unpack(ARGV, place + 3, place + 2 + words))
    if lives > 0 then redis.call('PEXPIRE', KEYS[i], lives) end
  end
  place = place + 3 + math.max(words, 0)
end
-- A write that was held up on its way for longer than this does not arrive.
redis.call('SET', KEYS[1], number, 'EX', 3600)
return 1
