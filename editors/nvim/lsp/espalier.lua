--- How Neovim starts the Espalier language server, for |vim.lsp.config()|.
--- Values given to require('espalier').setup() or vim.lsp.config('espalier', …) win over these.

-- Filetypes whose name differs from the protocol's language identifier.
local language_ids = { cs = 'csharp', sh = 'shellscript', bash = 'shellscript' }

---@type vim.lsp.Config
return {
  cmd = { 'espalier', 'serve', '--shared' },
  filetypes = {
    'bash',
    'c',
    'cpp',
    'cs',
    'go',
    'haskell',
    'java',
    'javascript',
    'javascriptreact',
    'kotlin',
    'lua',
    'php',
    'python',
    'ruby',
    'rust',
    'scala',
    'sh',
    'typescript',
    'typescriptreact',
  },
  root_markers = { 'espalier.json', '.git' },
  get_language_id = function(_, filetype)
    return language_ids[filetype] or filetype
  end,
}
