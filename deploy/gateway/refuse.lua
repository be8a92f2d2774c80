-- Refuses a request whose long body is on its way: reads and discards it first, within bounds, so that the caller has
-- written all when the answer comes. One who still writes would read a reset, over HTTP/2 a cancelled stream (2.6).
-- `txn.refusal` holds status, seconds for Retry-After (0: none) and the problem document.
local MOST_DISCARDED, LONGEST, CHUNK = 16000000, 30, 8192

core.register_service("refuse", "http", function(applet)
    local left, ends = MOST_DISCARDED, core.now().sec + LONGEST
    while left > 0 and core.now().sec < ends do
        local chunk = applet:receive(CHUNK)
        if chunk == nil or #chunk == 0 then break end
        left = left - #chunk
    end
    local status, retry, problem = applet:get_var("txn.refusal"):match("^(%d+) (%d+) (.*)$")
    applet:set_status(tonumber(status))
    applet:add_header("content-type", "application/problem+json")
    applet:add_header("content-length", tostring(#problem))
    if retry ~= "0" then applet:add_header("retry-after", retry) end
    applet:start_response()
    applet:send(problem)
end)
