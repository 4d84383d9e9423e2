--- :checkhealth espalier

local M = {}

local health = vim.health

---@return string[]
local function server_command()
  local config = vim.lsp.config['espalier']
  local cmd = config and config.cmd
  return type(cmd) == 'table' and cmd or {}
end

local function check_neovim()
  health.start('espalier: Neovim')
  if vim.fn.has('nvim-0.12') == 0 then
    health.error('Neovim 0.12 or newer is needed for inline completion')
    return false
  end
  health.ok('Neovim ' .. tostring(vim.version()))
  return true
end

local function check_program()
  health.start('espalier: server program')
  local program = server_command()[1]
  if not program then
    health.info('the command of the server is a function or not set; not checked')
    return
  end
  if vim.fn.executable(program) == 0 then
    health.error(('"%s" is not an executable program'):format(program), {
      'Install espalier into a folder of your PATH, or',
      "name it: require('espalier').setup({ cmd = { '/path/to/espalier', 'serve', '--shared' } })",
    })
    return
  end
  health.ok(vim.fn.exepath(program))
  if vim.fs.basename(program) ~= 'espalier' then
    return
  end
  local ok, process = pcall(vim.system, { program, 'version', '--json' }, { text = true })
  local done = ok and process:wait(5000)
  local decoded, version = pcall(vim.json.decode, done and done.stdout or '')
  if done and done.code == 0 and decoded then
    health.ok('version ' .. tostring(version.version))
  else
    health.warn('"espalier version --json" failed: ' .. vim.trim(done and done.stderr or ''))
  end
end

local function check_client()
  health.start('espalier: language server')
  if not vim.lsp.is_enabled('espalier') then
    health.warn('not enabled', { "call require('espalier').setup()" })
    return
  end
  local clients = vim.lsp.get_clients({ name = 'espalier' })
  if #clients == 0 then
    health.info('enabled, not running: open a file of one of its filetypes')
    return
  end
  for _, client in ipairs(clients) do
    local buffers = vim.tbl_keys(client.attached_buffers)
    health.ok(
      ('client %d: %d buffers, root %s'):format(client.id, #buffers, client.root_dir or '(none)')
    )
    if not client:supports_method('textDocument/inlineCompletion') then
      health.error('the server does not offer inline completion')
    end
    for _, buf in ipairs(buffers) do
      local on = vim.lsp.inline_completion.is_enabled({ bufnr = buf })
      health.info(
        ('%s: inline completion %s'):format(
          vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buf), ':~:.'),
          on and 'on' or 'off'
        )
      )
    end
    local answer = client:request_sync('espalier/status', vim.empty_dict(), 2000)
    if answer and answer.result then
      for _, line in ipairs(require('espalier').status_lines(answer.result)) do
        health.info(line)
      end
    else
      local cause = answer and answer.err and answer.err.message or 'no answer within 2 s'
      health.warn('espalier/status: ' .. cause)
    end
  end
end

--- The keys of this configuration, and what else they are mapped to.
local function check_keys()
  health.start('espalier: keys')
  local keymaps = require('espalier').options.keymaps
  if not keymaps then
    health.info("none; map the <Plug> mappings of ':help espalier-keys'")
    return
  end
  for _, action in ipairs(require('espalier.inline').actions) do
    local lhs = keymaps[action.name]
    local mapping = lhs and vim.fn.maparg(lhs, 'i', false, true) or {}
    local other = mapping.lhs and mapping.buffer ~= 1 and (mapping.desc or mapping.rhs or 'Lua')
    local text = ('%s: %s'):format(action.name, lhs or 'no key')
    health.info(other and ('%s; without a suggestion: %s'):format(text, other) or text)
  end
end

function M.check()
  if check_neovim() then
    check_program()
    check_client()
    check_keys()
  end
end

return M
