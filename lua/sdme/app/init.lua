-- The applications of a container: images whose processes run as services of its systemd, each in
-- a root of its own that lies in the container's files.

local fault <const> = require "sdme.fault"
local lazy <const> = require "sdme.lazy"
local text <const> = require "sdme.text"

local app_secret <const> = lazy.module "sdme.app.secret"
local confinement <const> = lazy.module "sdme.app.confinement"
local network <const> = lazy.module "sdme.network"
local secret <const> = lazy.module "sdme.secret"
local socket <const> = lazy.module "sdme.port.socket"
local unit <const> = lazy.module "sdme.unit.app"

local M <const> = {}

local DIRECTORY <const> = "/oci/apps/"

---@class sdme.App as state files have it
---@field name string
---@field layers string[] from the bottom to the top
---@field config table of its image: see sdme.oci.config
---@field origin table?
---@field digest string?

---Where an application's files are in its container.
---@param name string of the application
---@return string path
function M.root(name)
    return DIRECTORY .. name .. "/root"
end

---The application whose files are mounted at a path of its container.
---@param description { apps: sdme.App[]? }
---@param path string
---@return sdme.App?
function M.at(description, path)
    for _, one in ipairs(description.apps or {}) do
        if M.root(one.name) == path then
            return one
        end
    end
end

---The root among those of applications that a path of a container is in.
---@param description { apps: sdme.App[]? }
---@param path string
---@return sdme.App?
---@return string? rest of the path, from that root on
function M.holding(description, path)
    for _, one in ipairs(description.apps or {}) do
        local root <const> = M.root(one.name)
        if path == root or path:sub(1, #root + 1) == root .. "/" then
            return one, path:sub(#root + 1)
        end
    end
end

---Where the environment is that a container gives its applications.
---@param name string of the application
---@return string path in the container
function M.environment(name)
    return DIRECTORY .. name .. "/environment"
end

---Where the container has what an application sees as /run.
---@param name string of the application
---@return string path in the container
function M.run(name)
    return DIRECTORY .. name .. "/run"
end

---Where the container has the secrets of an application.
---@param name string of the application
---@return string path in the container
function M.secrets(name)
    return DIRECTORY .. name .. "/secrets"
end

---Where the programs of ours are that an application is run by.
M.PROGRAMS = "/.sdme"

---@param name string of a program: see sdme.guest_program
---@return string path in the application's root
function M.program(name)
    return M.PROGRAMS .. "/" .. name
end

-- What can be forwarded.
local PROTOCOLS <const> = { tcp = true, udp = true }

-- Adds the port of an image to those of a container, unless one of them is for it already, or has
-- its number on the host.
local function add_port(ports, port)
    for _, other in ipairs(socket.single(ports)) do
        if other.protocol == port.protocol
            and (other.container == port.port or other.host == port.port) then
            return
        end
    end
    ports[#ports + 1] = { protocol = port.protocol, host = port.port, container = port.port }
end

---The settings of a container with what the images of its applications add: the ports that they
---name are open on the host, where the container has an interface to it that they are behind.
---@param description { settings: table, apps: sdme.App[]? }
---@return table
function M.settings(description)
    local settings <const> = description.settings
    if not description.apps or settings.no_oci_ports or settings.oci_pod
        or not network.has_interface(settings) then
        return settings
    end
    local own <const> = settings.port or {}
    local ports <const> = table.move(own, 1, #own, 1, {})
    for _, one in ipairs(description.apps) do
        for _, port in ipairs(one.config.ports or {}) do
            if PROTOCOLS[port.protocol] then
                add_port(ports, port)
            end
        end
    end
    local all <const> = {}
    for name, value in pairs(settings) do
        all[name] = value
    end
    all.port = ports
    return all
end

---Raises where a container's settings are for applications, and it has none.
---@param description { settings: table, apps: sdme.App[]? }
---@param what string what can't be done then
function M.check(description, what)
    local pod <const> = description.settings.oci_pod
    if pod and #(description.apps or {}) == 0 then
        fault.raise("EINVAL", "`--pod` is for containers as a whole",
            "%s: it has no application that could be in pod %s", what, pod)
    end
end

local UNITS <const> = "/etc/systemd/system/"

---The unit files of an application, as the settings of its container have them.
---@param one sdme.App
---@param settings table
---@return table<string, string> contents by path in the container
function M.units(one, settings)
    local files <const>, confined <const> = {}, confinement.describe(settings)
    local own <const> = app_secret.assignments(settings, M.secrets(one.name))
    confined.service = table.move(own, 1, #own, #confined.service + 1, confined.service)
    for name, content in pairs(unit.files(one, M, confined)) do
        files[UNITS .. name] = content
    end
    return files
end

---Writes the units of a container's applications.
---@param upper sdme.Upper
---@param description { settings: table?, apps: sdme.App[]? }
function M.prepare(upper, description)
    for _, one in ipairs(description.apps or {}) do
        for path, content in pairs(M.units(one, description.settings or {})) do
            upper:write(path, content)
        end
        for link, target in pairs(unit.links(one)) do
            upper:symlink(UNITS .. link, UNITS .. target)
        end
    end
end

---The application of a container that is meant.
---@param description { name: string, apps: sdme.App[]? }
---@param name string|boolean? true: the only one
---@return sdme.App
function M.find(description, name)
    local apps <const>, names <const> = description.apps or {}, {}
    for i, one in ipairs(apps) do
        names[i] = one.name
        if one.name == name then
            return one
        end
    end
    if #apps == 0 then
        fault.raise("ENOENT", nil, "%s has no application", description.name)
    elseif type(name) == "string" then
        fault.raise("ENOENT", "it has " .. table.concat(names, ", "),
            "%s has no application '%s'", description.name, text.printable(name))
    elseif #apps > 1 then
        fault.raise("EUSAGE", "name one: " .. table.concat(names, ", "),
            "%s has several applications", description.name)
    end
    return apps[1]
end

-- What is called so that systemd takes it for a variable (environ(7)).
local VARIABLE <const> = "^([%a_][%w_]*)=(.*)$"

-- Whether a value is a secret, and nothing that is given takes the place of one of the variables:
-- systemd has what is in files go first.
local function are_for_file(variables, given)
    local secret_ones = false
    for name, value in pairs(variables) do
        if given[name] then
            return false
        end
        secret_ones = secret_ones or type(value) == "table"
    end
    return secret_ones
end

---The environment that a command in an application has: its image's, what the container gives the
---application, and its own.
---@param description { settings: table }
---@param one sdme.App
---@param given table<string, string>? its own
---@return table<string, string> variables
---@return string? path of the file in the container that has those which nobody else there may see
function M.variables(description, one, given)
    local variables <const>, settings <const> = {}, description.settings
    for _, assignment in ipairs(one.config.env or {}) do
        local name <const>, value <const> = assignment:match(VARIABLE)
        if name then
            variables[name] = value
        end
    end
    given = given or {}
    local own <const> = settings.oci_env or {}
    local in_file <const> = are_for_file(own, given)
    local lists <const> =
        { app_secret.variables(settings), in_file and {} or secret.resolve(own), given }
    for _, list in ipairs(lists) do
        for name, value in pairs(list) do
            variables[name] = value
        end
    end
    return variables, in_file and M.environment(one.name) or nil
end

return M
