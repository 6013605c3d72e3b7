-- A list of records, newest first, that never holds more than it was told to.
-- Promises: add, remove and find cost the same whatever its size; a page found
-- by its token stays right while others add and remove.
-- May not know: what the records are. It keeps seq, newer and older in them.
-- SPDX-License-Identifier: MIT

local collection = {}

--- An empty list that keeps the newest `keep` records.
function collection.new(keep)
  return { keep = keep, count = 0, seq = 0, by_sid = {} }
end

--- The record of that SID, or nil.
function collection.find(list, sid)
  return list.by_sid[sid]
end

--- Takes a record out of the list it is in.
function collection.remove(list, record)
  local newer, older = record.newer, record.older
  if newer then newer.older = older else list.newest = older end
  if older then older.newer = newer else list.oldest = newer end
  record.newer, record.older = nil, nil
  list.by_sid[record.sid] = nil
  list.count = list.count - 1
end

--- Puts a record in front; returns the oldest when it had to make room.
function collection.add(list, record)
  local newest = list.newest
  list.seq = list.seq + 1
  record.seq, record.older = list.seq, newest
  if newest then newest.newer = record else list.oldest = record end
  list.newest = record
  list.by_sid[record.sid] = record
  list.count = list.count + 1
  if list.count > list.keep then
    local dropped = list.oldest
    collection.remove(list, dropped)
    return dropped
  end
end

local function check_digits(seq)
  return (seq * 40503 + 977) % 16777216
end

-- "PA" is the page after (older than) a record, "PB" the page before it.
local function token_of(side, record)
  return ("%s%010x%06x"):format(side, record.seq, check_digits(record.seq))
end

local function read_token(token)
  local side, seq, check = token:match("^(P[AB])(%x+)(%x%x%x%x%x%x)$")
  if not side or #seq ~= 10 then return nil end
  seq, check = tonumber(seq, 16), tonumber(check, 16)
  if check_digits(seq) ~= check then return nil end
  return side, seq
end

--- Whether a page token is one of ours.
function collection.is_token(token)
  return read_token(token) ~= nil
end

local function step(record, count, way)
  while record and count > 0 do
    record, count = record[way], count - 1
  end
  return record
end

-- First record of a page and the record it stops in front of (nil: none).
local function bounds(list, size, page, token)
  if not token then return step(list.newest, page * size, "older") end
  local side, seq = read_token(token)
  local at = list.newest
  while at and at.seq > seq do at = at.older end
  if side == "PA" then
    return at and at.seq == seq and at.older or at
  end
  local first, stop = at or list.oldest, at
  for _ = at and 1 or 2, size do
    if not (first and first.newer) then break end
    first = first.newer
  end
  if first ~= stop then return first, stop end
end

--- One page: its records, and the tokens of the pages after and before it
-- (nil where there is none).
function collection.page(list, size, page, token)
  local at, stop = bounds(list, size, page, token)
  local records = {}
  while at and at ~= stop and #records < size do
    records[#records + 1] = at
    at = at.older
  end
  local first, last = records[1], records[#records]
  return records,
    last and last.older and token_of("PA", last),
    first and page > 0 and token_of("PB", first)
end

return collection
