return { name = 'void', ids = { 'void' } }
