-- What a call raises.

---@param call function
---@return any raised it is a failure of the spec if nothing is
return function(call, ...)
    local ok, raised = pcall(call, ...)
    if ok then
        error("nothing was raised", 2)
    end
    return raised
end
