local challenge <const> = require "sdme.oci.challenge"
local raised <const> = require "spec.support.raised"

describe("a challenge", function()
    local function parse(header)
        return challenge.parse(header, "x")
    end

    it("of a registry names where tokens are had", function()
        assert.same({ { scheme = "bearer", parameters = {
            realm = "https://auth.docker.io/token", service = "registry.docker.io",
            scope = "repository:library/nginx:pull,push",
        } } }, parse('Bearer realm="https://auth.docker.io/token",service="registry.docker.io",'
            .. 'scope="repository:library/nginx:pull,push"'))
    end)

    it("may have blanks, tokens, and quotes in quotes", function()
        assert.same({ { scheme = "basic",
            parameters = { realm = 'a "b" \\', charset = "UTF-8" } } },
            parse ' ,, BASIC  Realm = "a \\"b\\" \\\\" ,\t, charset=UTF-8 , ')
        assert.same({ { scheme = "x", parameters = { a = "" } } }, parse 'x a=""')
    end)

    it("is one of several, in one header or in many", function()
        local expected <const> = {
            { scheme = "negotiate", parameters = {} },
            { scheme = "ntlm", token68 = "TlRM/+-._~==", parameters = {} },
            { scheme = "basic", parameters = { realm = "a, Bearer realm=\"b\"" } },
            { scheme = "bearer", parameters = { realm = "c", service = "d" } },
        }
        local basic <const> = 'Basic realm="a, Bearer realm=\\"b\\""'
        assert.same(expected, parse("Negotiate, NTLM TlRM/+-._~==, " .. basic
            .. ", Bearer realm=c, service=d"))
        assert.same(expected, parse { "Negotiate", "NTLM TlRM/+-._~==, " .. basic,
            "Bearer realm=c,service=d" })
        assert.equal("c", challenge.find(expected, "bearer").parameters.realm)
        assert.is_nil(challenge.find(expected, "digest"))
    end)

    it("need not be there", function()
        assert.same({}, parse(nil))
        assert.same({}, parse "")
        assert.same({}, parse " , ")
    end)

    it("is refused in one line that names the byte", function()
        for header, expected in pairs {
            ['Bearer realm="a'] = "byte 14: expected a closing quote",
            ['Bearer realm="a\\'] = "byte 14: expected a closing quote",
            ['Bearer realm="a" service="b"'] = "byte 18: expected a comma",
            ['Bearer realm="a"x'] = "byte 17: expected a comma",
            ['Bearer a=b,a=c'] = "byte 12: expected each parameter once",
            ['Bearer a=b,A=c'] = "byte 12: expected each parameter once",
            ['"Bearer"'] = "byte 1: expected the name of a scheme",
            ['Bearer "a"'] = "byte 8: expected a parameter",
            ['Bearer \1'] = "byte 8: expected a parameter",
            [("a,"):rep(17)] = "expected at most 16 challenges",
            [("a"):rep(16385)] = "byte 16384: expected the end",
        } do
            local why <const> = raised(challenge.parse, header, "x")
            assert.equal("EFORMAT", why.code)
            assert.matches("^x: WWW%-Authenticate, .*" .. expected, why.message)
        end
        local many <const> = {}
        for i = 1, 33 do
            many[i] = ("p%d=x"):format(i)
        end
        assert.matches("at most 32 parameters",
            raised(challenge.parse, "a " .. table.concat(many, ","), "x").message)
    end)
end)
