-- The requests of a load, chosen by the first argument behind --, and the results as one line of JSON.

local function body(size)
   return string.rep("0123456789abcde\n", size / 16)
end

function init(args)
   local kind = args[1] or "get"
   if kind == "headers" then
      for i = 1, tonumber(args[2]) do
         wrk.headers["X-Bench-" .. i] = "value-" .. i .. "-of-a-usual-length"
      end
   elseif kind == "upload" then
      wrk.method = "POST"
      wrk.body = body(tonumber(args[2]))
      -- Cowboy 2.8 may never see the next request on a connection behind a body of more than
      -- initial_stream_flow_size bytes.
      wrk.headers["Connection"] = "close"
   elseif kind == "json" then
      wrk.method = "POST"
      wrk.headers["Content-Type"] = "application/json"
      local file = assert(io.open(args[2], "rb"))
      wrk.body = file:read("*a")
      file:close()
   end
   -- wrk builds the request out of these once, behind this function: it is not to be what is measured.
end

function done(summary, latency)
   local e = summary.errors
   io.write(string.format(
      'BENCH {"requests":%d,"micros":%d,"bytes":%d,"p50":%d,"p99":%d,"max":%d,'
      .. '"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
      summary.requests, summary.duration, summary.bytes,
      latency:percentile(50), latency:percentile(99), latency.max,
      e.connect, e.read, e.write, e.status, e.timeout))
end
