return { name = 'gentoo', ids = { 'gentoo' } }
