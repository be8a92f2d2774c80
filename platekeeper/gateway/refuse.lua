-- Refuses a request whose long body is on its way: reads and discards it first, within bounds, so that the caller has
-- written all when the answer comes. One who still writes would read a reset, over HTTP/2 a cancelled stream (2.6).
-- `txn.refusal` holds status, seconds for Retry-After (0: none) and the problem document.
local MOST_DISCARDED, LONGEST = 16000000, 30
-- All that HAProxy's buffer holds, headers included: `receive` counts these too and breaks where it cuts them (2.6).
local BUFFER = 16384

core.register_service("refuse", "http", function(applet)
    -- In a coroutine of ours HAProxy cannot suspend `receive`: it gives what is there and does not wait for all that it
    -- was asked for, which takes hours from who sends a byte now and then.
    local there = coroutine.wrap(function()
        while true do coroutine.yield(applet:receive(BUFFER)) end
    end)
    local left, ends, whole = MOST_DISCARDED, core.now().sec + LONGEST, false
    repeat
        left = left - #(there() or "")
        whole = #(applet:receive(1) or "") == 0 -- waits for a byte; there is none at the end of the body alone
    until whole or left <= 0 or core.now().sec >= ends
    local status, retry, problem = applet:get_var("txn.refusal"):match("^(%d+) (%d+) (.*)$")
    applet:set_status(tonumber(status))
    applet:add_header("content-type", "application/problem+json")
    applet:add_header("content-length", tostring(#problem))
    if retry ~= "0" then applet:add_header("retry-after", retry) end
    if not whole then applet:add_header("connection", "close") end
    applet:start_response()
    applet:send(problem)
    if not whole then
        -- HAProxy would hear out the rest for as long as it comes; a service that fails makes it close.
        core.msleep(100)
        error("who was refused still sends")
    end
end)
