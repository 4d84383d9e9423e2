--- The state of the server, for a statusline: asked for now and then, never waited for.
---
--- A statusline is drawn with every keystroke, so drawing reads a word that is already here. It is
--- asked for when the server attaches, when work that it reports on ends, every second while a
--- model loads, and otherwise at most every half minute, when somebody looks.

local M = {}

local reload_ms = 1000
local stale_ms = 30000

-- What the server calls them, in a word or two.
local words = { none = 'no model', loading = 'loading', ready = 'ready', failed = 'no model' }

---@type table<integer, {word: string, asked: number}> by client
local states = {}

---@param client vim.lsp.Client
function M.refresh(client)
  local state = states[client.id] or { word = 'loading' }
  states[client.id] = state
  state.asked = vim.uv.now()
  client:request('espalier/status', vim.empty_dict(), function(err, result)
    if states[client.id] ~= state then
      return
    end
    local word = err and 'no model' or words[result and result.state] or 'ready'
    if word ~= state.word then
      state.word = word
      vim.cmd.redrawstatus({ bang = true })
    end
    if word == 'loading' then
      vim.defer_fn(function()
        if states[client.id] == state and not client:is_stopped() then
          M.refresh(client)
        end
      end, reload_ms)
    end
  end)
end

---@param client_id integer
function M.forget(client_id)
  states[client_id] = nil
end

--- 'ready', 'loading', 'no model' or 'off'; '' in a buffer that the server is not attached to.
---@param buf? integer default: the current one
---@return string
function M.word(buf)
  buf = vim._resolve_bufnr(buf)
  local client = vim.lsp.get_clients({ name = 'espalier', bufnr = buf })[1]
  if not client then
    return ''
  end
  if not vim.lsp.inline_completion.is_enabled({ bufnr = buf }) then
    return 'off'
  end
  local state = states[client.id]
  if not state or vim.uv.now() - state.asked > stale_ms then
    M.refresh(client)
    state = states[client.id]
  end
  return state.word
end

return M
