#!/usr/bin/env escript
%% -*- coding: utf-8 -*-
%% Reads lines of an Erlang term, its bytes with Latin-1 atoms and its bytes
%% with UTF-8 atoms, both in hex, and prints what this Erlang sees differently.
main(_) ->
    io:setopts([{encoding, unicode}]),
    lines(io:get_line("")).

lines(eof) ->
    io:format("done~n");
lines(Line) ->
    [Text, Hex1, Hex2] = string:split(string:trim(Line, trailing, "\n"), "\t", all),
    {ok, Tokens, _} = erl_scan:string(Text ++ "."),
    {ok, Exprs} = erl_parse:parse_exprs(Tokens),
    {value, Term, _} = erl_eval:exprs(Exprs, []),
    check(Text, Term, 1, unhex(Hex1)),
    check(Text, Term, 2, unhex(Hex2)),
    lines(io:get_line("")).

check(Text, Term, Minor, Bytes) ->
    case term_to_binary(Term, [{minor_version, Minor}]) of
        Bytes -> ok;
        Other -> io:format("~ts written with minor_version ~b: ~w~n", [Text, Minor, Other])
    end,
    case binary_to_term(Bytes) of
        Read when Read =:= Term -> ok;
        Read -> io:format("~ts read: ~w~n", [Text, Read])
    end.

unhex(Hex) ->
    << <<(list_to_integer([A, B], 16))>> || <<A, B>> <= list_to_binary(Hex) >>.
