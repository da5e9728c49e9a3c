return { name = 'alpine', ids = { 'alpine' } }
