return { name = 'nixos', ids = { 'nixos' } }
