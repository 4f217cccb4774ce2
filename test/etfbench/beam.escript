#!/usr/bin/env escript
%% -*- erlang -*-
%%! +sbwt none
%% Erlang's own codec on the terms of a folder, in the lines of a Go benchmark: beam.escript DIR COUNT.
-mode(compile).

main([Dir, Count]) ->
    Files = lists:sort(filelib:wildcard(filename:join(Dir, "*.etf"))),
    [row(File) || _ <- lists:seq(1, list_to_integer(Count)), File <- Files].

row(File) ->
    {ok, Data} = file:read_file(File),
    Term = binary_to_term(Data),
    Name = filename:basename(File, ".etf"),
    line("Decode", Name, fun(N) -> decode(N, Data, ok) end),
    line("Encode", Name, fun(N) -> encode(N, Term, 0) end).

line(What, Name, Run) ->
    N = calibrated(Run, 100),
    Ns = measured(fun() -> Run(N) end) / N,
    io:format("Benchmark~s/term=~s/codec=beam\t~b\t~.1f ns/op~n", [What, Name, N, Ns]).

%% As many rounds as take about a tenth of a second.
calibrated(Run, N) ->
    case measured(fun() -> Run(N) end) of
        Ns when Ns < 20_000_000 -> calibrated(Run, N * 2);
        Ns -> max(1, round(N * 100_000_000 / Ns))
    end.

%% In a process of its own, so that what the rounds before have left on the heap is not theirs to collect.
measured(Run) ->
    {Pid, Ref} = spawn_monitor(fun() ->
        {Us, _} = timer:tc(Run),
        exit({took, Us * 1000})
    end),
    receive {'DOWN', Ref, process, Pid, {took, Ns}} -> Ns end.

%% What a round made goes into the next, or the compiler would leave the call out.
decode(0, _, Term) -> Term;
decode(N, Data, _) -> decode(N - 1, Data, binary_to_term(Data)).

encode(0, _, Bytes) -> Bytes;
encode(N, Term, Bytes) -> encode(N - 1, Term, Bytes + byte_size(term_to_binary(Term))).
