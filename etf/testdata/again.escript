#!/usr/bin/env escript
%% -*- erlang -*-
%% Reads the terms of a file, each behind its length of four bytes, with the option safe, and writes them as it has
%% them itself to another, and to a third in deterministic order, which is empty where this Erlang has none (before 24.1):
%% again.escript IN OUT ORDERED.
-mode(compile).

main([In, Out, Ordered]) ->
    {ok, Bytes} = file:read_file(In),
    Terms = [read(B) || <<Size:32, B:Size/binary>> <= Bytes],
    ok = file:write_file(Out, [framed(term_to_binary(T)) || T <- Terms]),
    ok = file:write_file(Ordered, ordered(Terms)).

%% The first time makes the atoms of the field names.
read(B) ->
    Term = binary_to_term(B),
    Term = binary_to_term(B, [safe]).

framed(B) ->
    [<<(byte_size(B)):32>>, B].

ordered(Terms) ->
    try
        [framed(term_to_binary(T, [deterministic, {minor_version, 2}])) || T <- Terms]
    catch
        error:badarg -> []
    end.
