--- Espalier for Neovim: setup, the :Espalier command, and the statusline.
---
--- Thin on purpose. Neovim's own client speaks to the server and draws the ghost text; what is
--- here only configures it. See :help espalier.

local M = {}

---@class espalier.Keymaps insert-mode keys
---@field accept? string|false accepts the suggestion
---@field accept_word? string|false accepts its next word
---@field accept_line? string|false accepts the rest of its line
---@field next? string|false shows the next alternative
---@field previous? string|false shows the previous alternative
---@field dismiss? string|false takes the suggestion off the screen

---@class espalier.Options
---@field cmd? string[] command that starts the server
---@field filetypes? string[] filetypes it is started for
---@field settings? table settings of the server, without the leading "espalier"
---@field inline_completion? boolean|table<string, boolean> whether suggestions are on in newly
---  attached buffers; by filetype, with '*' for those that are not named
---@field keymaps? espalier.Keymaps|false

---@type espalier.Options
local defaults = {
  inline_completion = true,
  keymaps = {
    accept = '<Tab>',
    accept_word = '<M-w>',
    accept_line = '<M-l>',
    next = '<M-n>',
    previous = '<M-p>',
    dismiss = '<C-]>',
  },
}

---@type espalier.Options
M.options = vim.deepcopy(defaults)

---@param options? espalier.Options
function M.setup(options)
  options = options or {}
  vim.validate('options', options, 'table')
  vim.validate('options.cmd', options.cmd, 'table', true)
  vim.validate('options.filetypes', options.filetypes, 'table', true)
  vim.validate('options.settings', options.settings, 'table', true)
  vim.validate(
    'options.inline_completion',
    options.inline_completion,
    { 'boolean', 'table' },
    true
  )
  vim.validate('options.keymaps', options.keymaps, function(value)
    return value == false or type(value) == 'table'
  end, true, 'table or false')
  M.options = vim.tbl_deep_extend('force', vim.deepcopy(defaults), options)

  local config = {}
  config.cmd = options.cmd
  config.filetypes = options.filetypes
  config.settings = options.settings and { espalier = options.settings }
  vim.lsp.config('espalier', config)
  vim.lsp.enable('espalier')
end

--- The client of the current buffer, or any running one.
---@return vim.lsp.Client?
function M.client()
  return vim.lsp.get_clients({ name = 'espalier', bufnr = 0 })[1]
    or vim.lsp.get_clients({ name = 'espalier' })[1]
end

--- For a statusline: 'ready', 'loading', 'no model' or 'off'; '' where the server is not attached.
--- What is returned is remembered, so it may be called as often as one likes.
---@param buf? integer default: the current one
---@return string
function M.status(buf)
  return require('espalier.status').word(buf)
end

--- Asks the server for its status.
---@param callback fun(error: string?, status: table?)
function M.request_status(callback)
  local client = M.client()
  if not client then
    callback('the server is not running', nil)
    return
  end
  client:request('espalier/status', vim.empty_dict(), function(err, result)
    callback(err and err.message, result)
  end)
end

--- The answer in one line; all of it is in :checkhealth espalier.
---@param status table
---@param on boolean whether inline completion is on in the current buffer
---@return string
function M.summary(status, on)
  local parts = {}
  local function add(value)
    if type(value) == 'string' and value ~= '' then
      parts[#parts + 1] = value
    end
  end
  add(status.state)
  add(type(status.model) == 'table' and status.model.name or nil)
  add(status.message)
  add('inline completion ' .. (on and 'on' or 'off'))
  return 'espalier: ' .. table.concat(parts, ', ')
end

--- One line for each value of the server's answer, nested names joined with dots.
---@param status table
---@return string[]
function M.status_lines(status)
  local lines = {}
  local function add(name, value)
    if type(value) == 'table' and not vim.islist(value) then
      for _, key in ipairs(vim.tbl_keys(value)) do
        add(name == '' and key or (name .. '.' .. key), value[key])
      end
    elseif type(value) == 'table' then
      lines[#lines + 1] = ('%s: %s'):format(name, vim.json.encode(value))
    elseif value ~= vim.NIL and value ~= '' then
      lines[#lines + 1] = ('%s: %s'):format(name, tostring(value))
    end
  end
  add('', status)
  table.sort(lines)
  return lines
end

local commands = {}

function commands.status()
  M.request_status(function(err, status)
    if err then
      vim.notify('espalier: ' .. err, vim.log.levels.WARN)
      return
    end
    local on = vim.lsp.inline_completion.is_enabled({ bufnr = 0 })
    vim.api.nvim_echo({ { M.summary(status or {}, on) } }, true, {})
  end)
end

function commands.restart()
  -- Disabling stops the clients; the second call waits until they are gone, because enabling
  -- again would attach to the one that is just shutting down.
  vim.lsp.enable('espalier', false)
  local function start(attempts)
    if attempts > 0 and #vim.lsp.get_clients({ name = 'espalier' }) > 0 then
      vim.defer_fn(function()
        start(attempts - 1)
      end, 50)
      return
    end
    vim.lsp.enable('espalier', true)
  end
  start(100)
end

local function say_switched(on, where)
  local state = on and 'on' or 'off'
  vim.api.nvim_echo({ { ('espalier: inline completion %s%s'):format(state, where) } }, false, {})
  vim.cmd.redrawstatus({ bang = true })
end

commands['toggle buffer'] = function()
  local on = not vim.lsp.inline_completion.is_enabled({ bufnr = 0 })
  vim.lsp.inline_completion.enable(on, { bufnr = 0 })
  say_switched(on, ' in this buffer')
end

commands['toggle filetype'] = function()
  local filetype = vim.bo.filetype
  say_switched(require('espalier.inline').toggle_filetype(filetype), ' for ' .. filetype)
end

commands.toggle = commands['toggle buffer']

--- Runs `:Espalier NAME`; without a name, the status.
---@param arguments string[]
function M.command(arguments)
  local name = arguments[1] and table.concat(arguments, ' ') or 'status'
  local run = commands[name]
  if not run then
    local names = vim.tbl_keys(commands)
    table.sort(names)
    local expected = table.concat(names, ', ')
    local text = ('espalier: unknown command "%s"; expected one of: %s'):format(name, expected)
    vim.notify(text, vim.log.levels.ERROR)
    return
  end
  run()
end

--- The words that a command's name goes on with.
---@param lead string
---@param line string
---@return string[]
function M.complete_command(lead, line)
  local before = vim.split(vim.trim(line:sub(1, #line - #lead)), '%s+')
  local index, found = #before, {}
  for name in pairs(commands) do
    local words = vim.split(name, ' ')
    local same = vim.deep_equal(vim.list_slice(words, 1, index - 1), vim.list_slice(before, 2))
    if same and words[index] and vim.startswith(words[index], lead) then
      found[words[index]] = true
    end
  end
  local names = vim.tbl_keys(found)
  table.sort(names)
  return names
end

return M
