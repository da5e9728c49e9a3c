return { name = 'suse', ids = { 'suse' } }
