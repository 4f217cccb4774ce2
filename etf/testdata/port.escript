#!/usr/bin/env escript
%% -*- erlang -*-
%% An ordinary Erlang program with a port: it asks what the program of its arguments adds up to.
main([Program | Args]) ->
    Port = open_port({spawn_executable, Program}, [{packet, 4}, binary, exit_status, {args, Args}]),
    [io:format("~p -> ~p~n", [Request, ask(Port, Request)]) || Request <- requests()],
    true = port_close(Port).

requests() ->
    [{add, 1, [1, 2, 3]}, {add, 2, [1 bsl 40, -1]}, {add, 3, []}, {add, 4, nonsense}].

ask(Port, Request) ->
    true = port_command(Port, term_to_binary(Request)),
    receive
        {Port, {data, Reply}} -> binary_to_term(Reply, [safe]);
        {Port, {exit_status, Status}} -> {exit_status, Status}
    after 30_000 -> timeout
    end.
