%% A port as it is written in an afternoon: one owner, one request at a time, whole bodies in one
%% term, {packet, 4}.
-module(bench_naive_port).
-behaviour(gen_server).

-export([start/2, request/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

start(App, Args) ->
    {ok, Owner} = gen_server:start(?MODULE, {App, Args}, []),
    Owner.

request(Owner, Request) ->
    gen_server:call(Owner, Request, infinity).

init({App, Args}) ->
    {ok, open_port({spawn_executable, App}, [{args, Args}, {packet, 4}, binary, exit_status])}.

handle_call(Request, _, Port) ->
    true = port_command(Port, term_to_binary(Request)),
    receive
        {Port, {data, Data}} -> {reply, binary_to_term(Data, [safe]), Port};
        {Port, {exit_status, Status}} -> {stop, {exit_status, Status}, Port}
    end.

handle_cast(_, Port) -> {noreply, Port}.
handle_info(Info, Port) -> {stop, Info, Port}.
