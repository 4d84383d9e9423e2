--- Inline completion in the buffers that the server is attached to: switched on, and its keys.
---
--- Neovim requests, draws and inserts. Two things are added. Between a keystroke and the server's
--- next answer (a debounce of 200 ms, and the time to compute) the suggestion on screen belongs to
--- the line as it was, and so does its range. Accepting it then would insert what was typed
--- meanwhile a second time. So the line is remembered when a request leaves, and on accepting,
--- the range is carried over to the line as it is now, or the suggestion is refused.
---
--- And a part can be accepted, a word or a line. Neovim forgets a suggestion of which anything is
--- accepted, so what is left of it is handed back as if the server had answered it at the new
--- place; the server, which follows the edit, says the same when it is asked next.

local M = {}

local api = vim.api
local method = 'textDocument/inlineCompletion'

---@class espalier.Snapshot
---@field row integer 0-based
---@field line string
---@field handler fun(err: lsp.ResponseError?, result: any, context: lsp.HandlerContext)
---@field context lsp.HandlerContext

---@type table<integer, espalier.Snapshot?> buffer to the line that the current suggestion is for
local shown = {}
---@type table<integer, {lhs: string, previous: table?}[]> keys set in each buffer
local keys = {}
---@type table<vim.lsp.Client, true?> clients whose requests are watched
local watched = setmetatable({}, { __mode = 'k' })
---@type table<string, boolean?> filetypes switched by command
local switched = {}

--- Lines of a buffer have no carriage returns, whatever line ends its file has; Neovim draws and
--- inserts those of a suggestion as they are.
---@param result lsp.InlineCompletionList|lsp.InlineCompletionItem[]
local function drop_carriage_returns(result)
  for _, item in ipairs(result.items or result) do
    if type(item.insertText) == 'string' then
      item.insertText = item.insertText:gsub('\r\n', '\n')
    end
  end
end

--- Notes with each answer the line that it was asked for. Neovim keeps the current suggestion when
--- an answer is an error or null, so only an answer with items replaces the note.
---@param client vim.lsp.Client
local function watch(client)
  if watched[client] then
    return
  end
  watched[client] = true
  local request = client.request
  ---@diagnostic disable-next-line: duplicate-set-field
  client.request = function(self, name, params, handler, buf)
    if self == client and name == method and handler then
      local row, line = api.nvim_win_get_cursor(0)[1] - 1, api.nvim_get_current_line()
      local inner = handler
      handler = function(err, result, context, ...)
        if not err and result and buf then
          drop_carriage_returns(result)
          shown[buf] = { row = row, line = line, handler = inner, context = context }
        end
        return inner(err, result, context, ...)
      end
    end
    return request(self, name, params, handler, buf)
  end
end

--- The range of a suggestion in the line as it is now, as start and end column; nil when what was
--- typed since is not what the suggestion says.
---@param range [integer, integer, integer] row, start column, end column when it was asked for
---@param text string the text to insert
---@param before espalier.Snapshot
---@param row integer the cursor's row
---@param column integer the cursor's column
---@param line string the cursor's line
---@return integer? start_column, integer? end_column
function M.carry_over(range, text, before, row, column, line)
  local range_row, first, last = range[1], range[2], range[3]
  if row ~= range_row or row ~= before.row or column < first then
    return nil
  end
  local tail = before.line:sub(last + 1)
  local now_last = #line - #tail
  local unchanged = line:sub(1, first) == before.line:sub(1, first)
    and now_last >= column
    and line:sub(now_last + 1) == tail
  if not unchanged or not vim.startswith(text, line:sub(first + 1, column)) then
    return nil
  end
  return first, now_last
end

--- Where a suggestion of ours is in the line as it is now: row, start and end column.
---@param item vim.lsp.inline_completion.Item
---@param before espalier.Snapshot
---@return integer? row, integer? first, integer? last
local function place_now(item, before)
  local row, first, end_row, last = item.range:to_extmark()
  if row ~= end_row then
    return nil
  end
  local text = item.insert_text --[[@as string]]
  local cursor = api.nvim_win_get_cursor(0)
  local line = api.nvim_get_current_line()
  first, last = M.carry_over({ row, first, last }, text, before, cursor[1] - 1, cursor[2], line)
  return first and row, first, last
end

--- Replaces a part of a line and puts the cursor behind what is new. It is a step of its own for
--- |undo|, also in the middle of an insertion: setting 'undolevels' closes the step before it.
---@param row integer
---@param first integer
---@param last integer
---@param text string
local function put(row, first, last, text)
  vim.go.undolevels = vim.go.undolevels
  local lines = vim.split(text, '\n')
  api.nvim_buf_set_text(0, row, first, row, last, lines)
  api.nvim_win_set_cursor(0, { row + #lines, (#lines == 1 and first or 0) + #lines[#lines] })
end

--- The suggestion's client and the line it was made for, when it is one of ours.
---@param item vim.lsp.inline_completion.Item
---@return vim.lsp.Client?, espalier.Snapshot?
local function origin(item)
  local client = vim.lsp.get_client_by_id(item.client_id)
  local before = shown[api.nvim_get_current_buf()]
  local plain = item.range and type(item.insert_text) == 'string'
  if client and watched[client] and before and plain then
    return client, before
  end
end

--- All of the suggestion. One of another server is left to Neovim.
---@param item vim.lsp.inline_completion.Item
---@param fallback fun()
---@return vim.lsp.inline_completion.Item?
local function accept_all(item, fallback)
  local client, before = origin(item)
  if not client or not before then
    return item
  end
  local row, first, last = place_now(item, before)
  if not row or not first or not last then
    -- The cursor may have gone elsewhere; the suggestion still fits where it was made for.
    if api.nvim_get_current_line() == before.line then
      vim.go.undolevels = vim.go.undolevels
      return item
    end
    fallback()
    return nil
  end
  put(row, first, last, item.insert_text --[[@as string]])
  if item.command then
    client:exec_cmd(item.command, { bufnr = api.nvim_get_current_buf() })
  end
  return nil
end

--- The next word of a text, with the blanks and line ends before it. What a word is says
--- 'iskeyword'; a run of other characters is one, too.
---@param text string
---@return string
function M.first_word(text)
  local blank = #text:match('^%s*')
  local rest = text:sub(blank + 1)
  local _, length = vim.regex([[^\%(\k\+\|\%(\k\@!\S\)\+\)]]):match_str(rest)
  return text:sub(1, blank + (length or #rest))
end

--- The text up to the end of its line; at the end of a line, the line below.
---@param text string
---@return string
function M.first_line(text)
  return text:match('^\n*[^\n]*')
end

--- A part of the suggestion; what is left stays on screen.
---@param part fun(text: string): string
local function accept_part(part)
  ---@param item vim.lsp.inline_completion.Item
  ---@param fallback fun()
  return function(item, fallback)
    local client, before = origin(item)
    local row, first, last
    if before then
      row, first, last = place_now(item, before)
    end
    if not client or not before or not row or not first or not last then
      fallback()
      return nil
    end
    local column = api.nvim_win_get_cursor(0)[2]
    local text = (item.insert_text --[[@as string]]):sub(column - first + 1)
    local taken = part(text)
    client:notify('espalier/didPartiallyAcceptCompletion', {
      acceptedLength = vim.str_utfindex(taken, client.offset_encoding),
    })
    local rest = text:sub(#taken + 1)
    if rest == '' then
      put(row, column, last, taken)
      return nil
    end
    -- What the suggestion stands in place of is replaced with its last part.
    put(row, column, column, taken)
    local cursor = api.nvim_win_get_cursor(0)
    local line = api.nvim_get_current_line()
    local encoding = client.offset_encoding
    local start = vim.str_utfindex(line, encoding, cursor[2])
    local stop = vim.str_utfindex(line, encoding, cursor[2] + last - column)
    shown[api.nvim_get_current_buf()] = vim.tbl_extend('force', before, {
      row = cursor[1] - 1,
      line = line,
    })
    before.handler(nil, {
      {
        insertText = rest,
        range = {
          start = { line = cursor[1] - 1, character = start },
          ['end'] = { line = cursor[1] - 1, character = stop },
        },
        command = item.command,
      },
    }, before.context)
    return nil
  end
end

--- What the key did before it was ours: a buffer's own mapping, else a global one, else itself.
---@param lhs string
---@param previous table? mapping of the buffer that ours replaced, as of |maparg()|
local function fall_through(lhs, previous)
  local mapping = previous
  if not mapping then
    local wanted = vim.keycode(lhs)
    for _, candidate in ipairs(api.nvim_get_keymap('i')) do
      if candidate.lhsraw == wanted or candidate.lhsrawalt == wanted then
        mapping = candidate
        break
      end
    end
  end
  if not mapping then
    api.nvim_feedkeys(vim.keycode(lhs), 'ni', false)
    return
  end

  local result = mapping.rhs or ''
  if mapping.callback then
    result = mapping.callback()
    if mapping.expr ~= 1 then
      return
    end
  elseif mapping.expr == 1 then
    result = vim.fn.eval(result)
  end
  if type(result) ~= 'string' or result == '' then
    return
  end
  if mapping.expr ~= 1 or mapping.replace_keycodes == 1 then
    result = vim.keycode(result)
  end
  api.nvim_feedkeys(result, mapping.noremap == 1 and 'ni' or 'mi', false)
end

--- Hands the suggestion on screen to a function, and lets Neovim forget it.
---@alias espalier.Taker fun(item: vim.lsp.inline_completion.Item, fallback: fun()): vim.lsp.inline_completion.Item?
---@param on_accept espalier.Taker
---@return fun(fallback: fun()): boolean action false without a suggestion
local function with_suggestion(on_accept)
  return function(fallback)
    return vim.lsp.inline_completion.get({
      on_accept = function(item)
        return on_accept(item, fallback)
      end,
    })
  end
end

--- Another alternative; without a suggestion on screen nothing happens.
---@param step integer
local function select_alternative(step)
  return function()
    vim.lsp.inline_completion.select({ count = step * vim.v.count1 })
    return true
  end
end

--- What keys can do. Each says whether the key was used; `fallback` is what else it would do.
---@type {name: string, description: string, run: fun(fallback: fun()): boolean}[]
M.actions = {
  {
    name = 'accept',
    description = 'Accept the suggestion',
    run = with_suggestion(accept_all),
  },
  {
    name = 'accept_word',
    description = 'Accept the next word of the suggestion',
    run = with_suggestion(accept_part(M.first_word)),
  },
  {
    name = 'accept_line',
    description = 'Accept the next line of the suggestion',
    run = with_suggestion(accept_part(M.first_line)),
  },
  {
    name = 'next',
    description = 'Next suggestion',
    run = select_alternative(1),
  },
  {
    name = 'previous',
    description = 'Previous suggestion',
    run = select_alternative(-1),
  },
  {
    name = 'dismiss',
    description = 'Take the suggestion off the screen',
    run = with_suggestion(function()
      return nil
    end),
  },
}

--- For a <Plug> mapping, which does nothing else without a suggestion.
---@param name string of an action
function M.run(name)
  for _, action in ipairs(M.actions) do
    if action.name == name then
      action.run(function() end)
    end
  end
end

---@param buf integer
---@param lhs string
---@param description string
---@param action fun(fallback: fun()): boolean whether the key was used
local function map(buf, lhs, description, action)
  local previous = vim.fn.maparg(lhs, 'i', false, true)
  if vim.tbl_isempty(previous) or previous.buffer ~= 1 then
    previous = nil
  end
  local function fallback()
    fall_through(lhs, previous)
  end
  vim.keymap.set('i', lhs, function()
    if not action(fallback) then
      fallback()
    end
  end, { buf = buf, desc = description })
  table.insert(keys[buf], { lhs = lhs, previous = previous })
end

--- Whether suggestions are on in newly attached buffers of a filetype.
---@param filetype string
---@return boolean
function M.wanted(filetype)
  if switched[filetype] ~= nil then
    return switched[filetype]
  end
  local wanted = require('espalier').options.inline_completion
  if type(wanted) ~= 'table' then
    return wanted
  end
  if wanted[filetype] ~= nil then
    return wanted[filetype]
  end
  return wanted['*'] ~= false
end

--- Switches a filetype off or on: the buffers of it that are attached, and all that will be.
---@param filetype string
---@return boolean on
function M.toggle_filetype(filetype)
  local on = not M.wanted(filetype)
  switched[filetype] = on
  for buf in pairs(keys) do
    if api.nvim_buf_is_valid(buf) and vim.bo[buf].filetype == filetype then
      vim.lsp.inline_completion.enable(on, { bufnr = buf })
    end
  end
  return on
end

---@param client vim.lsp.Client
---@param buf integer
function M.attach(client, buf)
  watch(client)
  if M.wanted(vim.bo[buf].filetype) then
    vim.lsp.inline_completion.enable(true, { bufnr = buf })
  end
  if keys[buf] then
    return
  end
  keys[buf] = {}
  local keymaps = require('espalier').options.keymaps
  if not keymaps then
    return
  end
  api.nvim_buf_call(buf, function()
    for _, action in ipairs(M.actions) do
      local lhs = keymaps[action.name]
      if lhs then
        map(buf, lhs, action.description, action.run)
      end
    end
  end)
end

---@param buf integer
function M.detach(buf)
  for _, key in ipairs(keys[buf] or {}) do
    if api.nvim_buf_is_valid(buf) then
      pcall(vim.keymap.del, 'i', key.lhs, { buf = buf })
      if key.previous then
        api.nvim_buf_call(buf, function()
          vim.fn.mapset('i', false, key.previous)
        end)
      end
    end
  end
  keys[buf], shown[buf] = nil, nil
end

return M
