-- A JSON reader and writer. Numbers, strings, booleans and tables map as one expects;
-- null becomes json.null, so that it can stand in a table. Errors name line and column.

local json = { null = setmetatable({}, { __tostring = function() return "null" end }) }

local escapes = {
  ['"'] = '"', ["\\"] = "\\", ["/"] = "/",
  b = "\b", f = "\f", n = "\n", r = "\r", t = "\t",
}

local names = { ["true"] = true, ["false"] = false, null = json.null }

local MAX_DEPTH = 200

local Reader = {}
Reader.__index = Reader

function Reader.new(text)
  return setmetatable({ text = text, position = 1, depth = 0 }, Reader)
end

function Reader:fail(message, ...)
  local line, last = 1, 0
  for newline in self.text:sub(1, self.position - 1):gmatch("()\n") do
    line = line + 1
    last = newline
  end
  error(("%d:%d: "):format(line, self.position - last) .. message:format(...), 0)
end

function Reader:skip()
  self.position = self.text:find("[^ \t\r\n]", self.position) or #self.text + 1
end

function Reader:peek()
  self:skip()
  return self.text:sub(self.position, self.position)
end

function Reader:expect(char)
  local found = self:peek()
  if found ~= char then
    self:fail("expected '%s', found '%s'", char, found == "" and "end of text" or found)
  end
  self.position = self.position + 1
end

local function utf8_of(code)
  if code < 0x80 then
    return string.char(code)
  elseif code < 0x800 then
    return string.char(0xC0 + code // 64, 0x80 + code % 64)
  elseif code < 0x10000 then
    return string.char(0xE0 + code // 4096, 0x80 + code // 64 % 64, 0x80 + code % 64)
  end
  return string.char(0xF0 + code // 262144, 0x80 + code // 4096 % 64,
    0x80 + code // 64 % 64, 0x80 + code % 64)
end

function Reader:hex4()
  local digits = self.text:match("^%x%x%x%x", self.position)
  if not digits then
    self:fail("expected four hexadecimal digits after \\u")
  end
  self.position = self.position + 4
  return tonumber(digits, 16)
end

function Reader:string()
  self:expect('"')
  local parts = {}
  while true do
    local plain, stop = self.text:match('^([^"\\%c]*)()', self.position)
    parts[#parts + 1] = plain
    self.position = stop
    local char = self.text:sub(stop, stop)
    if char == '"' then
      self.position = stop + 1
      return table.concat(parts)
    elseif char ~= "\\" then
      self:fail("the string is not closed")
    end
    local escape = self.text:sub(stop + 1, stop + 1)
    self.position = stop + 2
    if escape == "u" then
      local code = self:hex4()
      if code >= 0xD800 and code < 0xDC00 and self.text:sub(self.position, self.position + 1) == "\\u" then
        self.position = self.position + 2
        code = 0x10000 + (code - 0xD800) * 1024 + (self:hex4() - 0xDC00)
      end
      parts[#parts + 1] = utf8_of(code)
    elseif escapes[escape] then
      parts[#parts + 1] = escapes[escape]
    else
      self:fail("unknown escape '\\%s'", escape)
    end
  end
end

function Reader:list(close, read_one)
  self.depth = self.depth + 1
  if self.depth > MAX_DEPTH then
    self:fail("nested deeper than %d levels", MAX_DEPTH)
  end
  self.position = self.position + 1
  local result = {}
  if self:peek() ~= close then
    repeat
      read_one(result)
      local more = self:peek() == ","
      if more then self.position = self.position + 1 end
    until not more
  end
  self:expect(close)
  self.depth = self.depth - 1
  return result
end

function Reader:value()
  local char = self:peek()
  if char == "{" then
    return self:list("}", function(object)
      self:skip()
      local key = self:string()
      self:expect(":")
      object[key] = self:value()
    end)
  elseif char == "[" then
    return self:list("]", function(array)
      array[#array + 1] = self:value()
    end)
  elseif char == '"' then
    return self:string()
  end
  local number, stop = self.text:match("^(-?%d+%.?%d*[eE]?[+-]?%d*)()", self.position)
  if number then
    self.position = stop
    return tonumber(number) or self:fail("not a number: %s", number)
  end
  local word = self.text:match("^%a+", self.position)
  if word and names[word] ~= nil then
    self.position = self.position + #word
    return names[word]
  end
  return self:fail("expected a value")
end

--- Reads a text; returns nil and a message when it is not JSON.
function json.decode(text)
  local reader = Reader.new(text)
  local ok, result = pcall(function()
    local value = reader:value()
    if reader:peek() ~= "" then reader:fail("unexpected text after the value") end
    return value
  end)
  if not ok then
    return nil, result
  end
  return result
end

local writers = {}

local function quote(text)
  return '"' .. text:gsub('[%c"\\]', function(char)
    if char == '"' or char == "\\" then return "\\" .. char end
    return ("\\u%04x"):format(char:byte())
  end) .. '"'
end

function writers.string(value, out) out[#out + 1] = quote(value) end
function writers.boolean(value, out) out[#out + 1] = tostring(value) end

function writers.number(value, out)
  if value ~= value or value == math.huge or value == -math.huge then
    error("JSON has no word for " .. tostring(value), 0)
  end
  out[#out + 1] = math.type(value) == "integer" and tostring(value) or ("%.17g"):format(value)
end

function writers.table(value, out)
  if value == json.null then
    out[#out + 1] = "null"
  elseif #value > 0 or next(value) == nil then
    out[#out + 1] = "["
    for i, item in ipairs(value) do
      if i > 1 then out[#out + 1] = "," end
      writers[type(item)](item, out)
    end
    out[#out + 1] = "]"
  else
    local keys = {}
    for key in pairs(value) do keys[#keys + 1] = tostring(key) end
    table.sort(keys)
    for i, key in ipairs(keys) do
      out[#out + 1] = (i == 1 and "{" or ",") .. quote(key) .. ":"
      writers[type(value[key])](value[key], out)
    end
    out[#out + 1] = "}"
  end
end

function json.encode(value)
  local out = {}
  writers[type(value)](value, out)
  return table.concat(out)
end

return json
