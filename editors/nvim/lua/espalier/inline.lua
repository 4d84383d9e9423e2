--- Inline completion in the buffers that the server is attached to: switched on, and its keys.
---
--- Neovim requests, draws and inserts. One thing is added: between a keystroke and the server's
--- next answer (a debounce of 200 ms, and the time to compute) the suggestion on screen belongs to
--- the line as it was, and so does its range. Accepting it then would insert what was typed
--- meanwhile a second time. So the line is remembered when a request leaves, and on accepting,
--- the range is carried over to the line as it is now, or the suggestion is refused.

local M = {}

local api = vim.api
local method = 'textDocument/inlineCompletion'

---@class espalier.Snapshot
---@field row integer 0-based
---@field line string

---@type table<integer, espalier.Snapshot?> buffer to the line that the current suggestion is for
local shown = {}
---@type table<integer, {lhs: string, previous: table?}[]> keys set in each buffer
local keys = {}
---@type table<vim.lsp.Client, true?> clients whose requests are watched
local watched = setmetatable({}, { __mode = 'k' })

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
      local snapshot = {
        row = api.nvim_win_get_cursor(0)[1] - 1,
        line = api.nvim_get_current_line(),
      }
      local inner = handler
      handler = function(err, result, context, ...)
        if not err and result and buf then
          shown[buf] = snapshot
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

---@param item vim.lsp.inline_completion.Item
---@param fallback fun()
---@return vim.lsp.inline_completion.Item?
local function on_accept(item, fallback)
  local buf = api.nvim_get_current_buf()
  local before = shown[buf]
  local client = vim.lsp.get_client_by_id(item.client_id)
  local ours = client and watched[client]
  if not ours or not before or not item.range or type(item.insert_text) ~= 'string' then
    return item
  end
  local line = api.nvim_get_current_line()
  if line == before.line then
    return item
  end
  local row, first, end_row, last = item.range:to_extmark()
  local cursor = api.nvim_win_get_cursor(0)
  local from, to
  if row == end_row then
    local text = item.insert_text --[[@as string]]
    from, to = M.carry_over({ row, first, last }, text, before, cursor[1] - 1, cursor[2], line)
  end
  if not from or not to then
    fallback()
    return nil
  end
  local lines = vim.split(item.insert_text --[[@as string]], '\n')
  api.nvim_buf_set_text(buf, row, from, row, to, lines)
  api.nvim_win_set_cursor(0, { row + #lines, (#lines == 1 and from or 0) + #lines[#lines] })
  if item.command then
    client:exec_cmd(item.command, { bufnr = buf })
  end
  return nil
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

--- Moves to another alternative; without a suggestion on screen nothing happens.
---@param step integer
local function select_alternative(step)
  vim.lsp.inline_completion.select({ count = step * vim.v.count1 })
end

---@param client vim.lsp.Client
---@param buf integer
function M.attach(client, buf)
  watch(client)
  local options = require('espalier').options
  if options.inline_completion then
    vim.lsp.inline_completion.enable(true, { bufnr = buf })
  end
  if keys[buf] then
    return
  end
  keys[buf] = {}
  local keymaps = options.keymaps
  if not keymaps then
    return
  end
  api.nvim_buf_call(buf, function()
    if keymaps.accept then
      map(buf, keymaps.accept, 'Accept the suggestion', function(fallback)
        return vim.lsp.inline_completion.get({
          on_accept = function(item)
            return on_accept(item, fallback)
          end,
        })
      end)
    end
    if keymaps.next then
      map(buf, keymaps.next, 'Next suggestion', function()
        select_alternative(1)
        return true
      end)
    end
    if keymaps.previous then
      map(buf, keymaps.previous, 'Previous suggestion', function()
        select_alternative(-1)
        return true
      end)
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
