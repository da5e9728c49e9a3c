return { name = 'arch', ids = { 'arch' } }
