%% A handler in front of bench_naive_port.
-module(bench_naive_handler).
-behaviour(cowboy_handler).

-export([init/2]).

init(Req0 = #{method := Method, path := Path, qs := Qs, headers := Headers}, Owner) ->
    {Body, Req} = body(cowboy_req:read_body(Req0, #{length => 16777216}), []),
    {Status, Fields, Reply} = bench_naive_port:request(Owner,
        {Method, Path, Qs, maps:to_list(Headers), Body}),
    {ok, cowboy_req:reply(Status, maps:from_list(Fields), Reply, Req), Owner}.

body({more, Data, Req}, Acc) -> body(cowboy_req:read_body(Req), [Acc, Data]);
body({ok, Data, Req}, Acc) -> {iolist_to_binary([Acc, Data]), Req}.
