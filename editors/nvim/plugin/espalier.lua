-- Loaded once at start: the :Espalier command, the <Plug> mappings, and what happens when the
-- server attaches to a buffer. Starting the server is the user's choice: require('espalier').setup() or
-- vim.lsp.enable('espalier').
if vim.g.loaded_espalier then
  return
end
vim.g.loaded_espalier = true

if vim.fn.has('nvim-0.12') == 0 then
  vim.notify_once('espalier: Neovim 0.12 or newer is needed', vim.log.levels.WARN)
  return
end

vim.api.nvim_create_user_command('Espalier', function(args)
  require('espalier').command(args.fargs)
end, {
  nargs = '*',
  desc = 'Espalier: status, restart, toggle',
  complete = function(lead, line)
    return require('espalier').complete_command(lead, line)
  end,
})

for _, name in ipairs({ 'accept', 'accept_word', 'accept_line', 'next', 'previous', 'dismiss' }) do
  vim.keymap.set('i', ('<Plug>(espalier-%s)'):format(name:gsub('_', '-')), function()
    require('espalier.inline').run(name)
  end, { desc = 'Espalier: ' .. name:gsub('_', ' ') })
end

local group = vim.api.nvim_create_augroup('espalier', { clear = true })

vim.api.nvim_create_autocmd('LspAttach', {
  group = group,
  desc = 'Espalier: inline completion and its keys in this buffer',
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'espalier' then
      require('espalier.inline').attach(client, event.buf)
      require('espalier.status').refresh(client)
    end
  end,
})

vim.api.nvim_create_autocmd('LspDetach', {
  group = group,
  desc = 'Espalier: take the keys away again',
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'espalier' then
      require('espalier.inline').detach(event.buf)
      if vim.tbl_count(client.attached_buffers) <= 1 then
        require('espalier.status').forget(client.id)
      end
    end
  end,
})

vim.api.nvim_create_autocmd('LspProgress', {
  group = group,
  pattern = 'end',
  desc = 'Espalier: the state has changed when the server is done with something',
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'espalier' then
      require('espalier.status').refresh(client)
    end
  end,
})
