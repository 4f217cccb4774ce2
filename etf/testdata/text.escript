#!/usr/bin/env escript
%% -*- coding: utf-8 -*-
%%! +pc unicode
%% Reads lines "print HEX": a term in the external format, and answers what ~0p and ~0tp print it as, in UTF-8 and hex;
%% "parse HEX": text in UTF-8, of one term without its dot, and answers the term, in the external format and in hex, or "error REASON";
%% "file HEX": a file for file:consult, and answers the list of its terms in the same way.
-mode(compile).

main([Folder]) ->
    ok = io:setopts([binary, {encoding, latin1}]),
    ok = file:set_cwd(Folder),
    lines(io:get_line("")).

lines(eof) ->
    ok;
lines(Line) ->
    [What, Hex] = binary:split(string:trim(Line, trailing, "\n"), <<" ">>),
    io:put_chars([answer(What, binary:decode_hex(Hex)), $\n]),
    lines(io:get_line("")).

answer(<<"print">>, Bytes) ->
    Term = binary_to_term(Bytes),
    [text("~0p", Term), $\s, text("~0tp", Term)];
answer(<<"parse">>, Text) ->
    case unicode:characters_to_list(Text) of
        Chars when is_list(Chars) -> scanned(erl_scan:string(Chars ++ " .", {1, 1}));
        _ -> "error no UTF-8"
    end;
answer(<<"file">>, Text) ->
    ok = file:write_file("consulted", Text),
    result(file:consult("consulted")).

text(Format, Term) ->
    binary:encode_hex(unicode:characters_to_binary(io_lib:format(Format, [Term]))).

scanned({ok, Tokens, _}) -> result(erl_parse:parse_term(Tokens));
scanned({error, {At, Module, Reason}, _}) -> result({error, {At, Module, Reason}}).

result({ok, Term}) -> binary:encode_hex(term_to_binary(Term, [{minor_version, 2}]));
result({error, {At, Module, Reason}}) -> io_lib:format("error ~0p ~s", [At, ascii(Module:format_error(Reason))]);
result({error, Reason}) -> io_lib:format("error ~0p", [Reason]).

ascii(Chars) -> [case C of _ when C >= $\s, C =< $~ -> C; _ -> $? end || C <- lists:flatten(Chars)].
