-- SPDX-License-Identifier: MIT
-- Makes images of the layers that spec/host/lib/oci.bash has made: one OCI layout each, below
-- DIRECTORY/oci, with the tag "latest".
--   base        debian.tar, which boots; bash is its command
--   nginx       bare.tar and nginx
--   redis       the same with redis, as another user, with a health check
--   postgresql  the same with postgresql, a volume and an entrypoint
--   docker      nginx in Docker's media types
--   zstd        nginx with layers packed by zstd
--   plain       a layer that isn't packed
--   platforms   an index of one small image for several platforms; each says which in /platform
--   docker-list the same in Docker's media types
--   nested      an index in an index
--   hundred     100 layers, of which each replaces /last, and removes what the one before added

local DIRECTORY <const> = arg[1]
local HERE <const> = arg[0]:match "^(.*)/[^/]*$"
package.path = HERE .. "/../../?.lua;" .. package.path
local oci_layout <const> = require "spec.support.oci_layout"

local PATH <const> = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

local CONFIGS <const> = {
    nginx = {
        Env = { PATH }, Cmd = { "nginx", "-g", "daemon off;" },
        ExposedPorts = { ["80/tcp"] = {} }, StopSignal = "SIGQUIT",
    },
    redis = {
        Env = { PATH }, User = "redis", WorkingDir = "/data",
        Cmd = { "redis-server", "--bind", "0.0.0.0", "--protected-mode", "no" },
        ExposedPorts = { ["6379/tcp"] = {} }, Volumes = { ["/data"] = {} },
        Healthcheck = {
            Test = { "CMD", "redis-cli", "ping" },
            Interval = 5000000000, Timeout = 3000000000, Retries = 3,
        },
    },
    postgresql = {
        Env = { PATH .. ":/usr/lib/postgresql/15/bin", "PGDATA=/var/lib/postgresql/data" },
        User = "postgres", Entrypoint = { "docker-entrypoint.sh" },
        Cmd = { "postgres", "-c", "listen_addresses=*" }, StopSignal = "SIGINT",
        ExposedPorts = { ["5432/tcp"] = {} }, Volumes = { ["/var/lib/postgresql/data"] = {} },
    },
}

local function new(name)
    return oci_layout.new(("%s/oci/%s"):format(DIRECTORY, name))
end

local function tar_path(name)
    return ("%s/%s.tar"):format(DIRECTORY, name)
end

-- A tar archive of small files, made by tar.
local function small_tar(files)
    local folder <const> = DIRECTORY .. "/small"
    for path, content in pairs(files) do
        os.execute(("mkdir -p '%s/%s'"):format(folder, path:match "^(.-)[^/]*$"))
        local file <close> = assert(io.open(folder .. "/" .. path, "wb"))
        file:write(content)
    end
    local pipe <const> = assert(io.popen(("cd '%s' && tar --create --sort=name --numeric-owner"
        .. " --owner=0 --group=0 --mtime=@0 * $(ls -d .wh.* 2>/dev/null)"):format(folder)))
    local bytes <const> = pipe:read "a"
    assert(pipe:close())
    os.execute(("rm -rf '%s'"):format(folder))
    return bytes
end

local function make_base()
    local base <const> = new "base"
    local layer <const> = base:layer(tar_path "debian")
    base:tag(base:image({ layer }, { config = { Env = { PATH }, Cmd = { "bash" } } }), "latest")
end

local function make_application(layout, name, common)
    local layers <const> = { common, layout:layer(tar_path(name)) }
    layout:tag(layout:image(layers, { config = CONFIGS[name] }), "latest")
    return layers
end

-- The images of applications have their first layer in common.
local function make_applications()
    local nginx <const> = new "nginx"
    local common <const> = nginx:layer(tar_path "bare")
    for _, name in ipairs { "redis", "postgresql" } do
        local layout <const> = new(name)
        make_application(layout, name, layout:share(nginx, common))
    end
    return nginx, make_application(nginx, "nginx", common)
end

local function make_variants(nginx, layers)
    local docker <const>, zstd <const>, plain <const> = new "docker", new "zstd", new "plain"
    local shared <const> = {}
    for i, layer in ipairs(layers) do
        shared[i] = docker:share(nginx, layer, oci_layout.media_types.docker.gzip)
    end
    docker:tag(docker:image(shared, { docker = true, config = CONFIGS.nginx }), "latest")
    zstd:tag(zstd:image({
        zstd:layer(tar_path "bare", { compression = "zstd" }),
        zstd:layer(tar_path "nginx", { compression = "zstd" }),
    }, { config = CONFIGS.nginx }), "latest")
    plain:tag(plain:image({
        plain:layer(small_tar { ["etc/plain"] = "plain\n" },
            { bytes = true, compression = "none" }),
    }), "latest")
end

local PLATFORMS <const> = {
    "linux/amd64", "linux/arm64/v8", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5", "linux/386",
    "linux/s390x",
}

local function make_platforms(name, docker)
    local layout <const>, images <const> = new(name), {}
    for i, platform in ipairs(PLATFORMS) do
        images[i] = layout:image({
            layout:layer(small_tar { platform = platform .. "\n" },
                { bytes = true, docker = docker }),
        }, { platform = platform, docker = docker })
    end
    layout:tag(layout:index(images, { docker = docker }), "latest")
end

local function make_nested()
    local layout <const> = new "nested"
    local function image(platform)
        return layout:index { layout:image({
            layout:layer(small_tar { platform = platform .. "\n" }, { bytes = true }),
        }, { platform = platform }) }
    end
    layout:tag(layout:index { image "linux/arm64", image "linux/amd64" }, "latest")
end

local function make_hundred()
    local layout <const>, layers <const> = new "hundred", {}
    for i = 1, 100 do
        layers[i] = layout:layer(small_tar {
            last = i .. "\n", ["layers/" .. i] = i .. "\n",
            [i > 1 and "layers/.wh." .. i - 1 or "first"] = "",
        }, { bytes = true })
    end
    layout:tag(layout:image(layers), "latest")
end

make_base()
make_variants(make_applications())
make_platforms("platforms", false)
make_platforms("docker-list", true)
make_nested()
make_hundred()
