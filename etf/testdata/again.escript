#!/usr/bin/env escript
%% -*- erlang -*-
%% Reads the terms of a file, each behind its length of four bytes, and writes them as it has them itself to
%% another: again.escript IN OUT.
-mode(compile).

main([In, Out]) ->
    {ok, Bytes} = file:read_file(In),
    ok = file:write_file(Out, [again(B) || <<Size:32, B:Size/binary>> <= Bytes]).

again(B) ->
    Term = term_to_binary(binary_to_term(B)),
    [<<(byte_size(Term)):32>>, Term].
