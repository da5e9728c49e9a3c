return { name = 'fedora', ids = { 'fedora' } }
