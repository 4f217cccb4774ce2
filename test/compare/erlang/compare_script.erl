%% Scripts as the Go package of that name writes them: operations of a name and arguments, any bytes of which stand as
%% %XX but for the plain ones.
-module(compare_script).

-export([parse/1, op/1]).

%% The names are strings, the arguments binaries.
parse(Script) ->
    [name(binary:split(Op, <<":">>, [global]))
        || Op <- binary:split(iolist_to_binary(Script), <<"|">>, [global]), Op =/= <<>>].

name([Name | Args]) ->
    [binary_to_list(Name) | [plain(Arg) || Arg <- Args]].

plain(<<"%", Hex:2/binary, Rest/binary>>) ->
    <<(binary_to_integer(Hex, 16)), (plain(Rest))/binary>>;
plain(<<C, Rest/binary>>) ->
    <<C, (plain(Rest))/binary>>;
plain(<<>>) ->
    <<>>.

op([Name | Args]) ->
    [Name | [[":", escape(iolist_to_binary(Arg))] || Arg <- Args]].

%% Half a megabyte of them is not to take seconds.
escape(Bytes) ->
    << <<(byte(C))/binary>> || <<C>> <= Bytes >>.

byte(C) when C >= $a, C =< $z; C >= $A, C =< $Z; C >= $0, C =< $9 -> <<C>>;
byte(C) when C =:= $-; C =:= $_; C =:= $.; C =:= $/; C =:= $= -> <<C>>;
byte(C) -> <<$%, (digit(C bsr 4)), (digit(C band 15))>>.

digit(D) when D < 10 -> $0 + D;
digit(D) -> $A + D - 10.
