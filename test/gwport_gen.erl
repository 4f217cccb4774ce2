%% What the properties draw from, and the way they are run.
-module(gwport_gen).

-define(PROPER_NO_TRANS, true).
-include_lib("proper/include/proper.hrl").

-export([check/1, check/2]).
-export([frame/0, wire/1, split/2, cuts/0, bytes/1, token/0, field/0, broken_wire/0]).

%% A property as an EUnit test; a failure shows the smallest counterexample.
check(Property) ->
    check(Property, 1).

%% The same, so many times as often.
check(Property, Times) ->
    Tests = Times * list_to_integer(os:getenv("GWPORT_PROPER_TESTS", "100")),
    {timeout, 900, fun() ->
        case proper:quickcheck(Property, [quiet, long_result, {numtests, Tests}]) of
            true -> ok;
            Counterexample -> erlang:error({does_not_hold, Counterexample})
        end
    end}.

%% A frame as gwport_frame names it.
frame() ->
    oneof([{port_kind(), bytes(40)}, {stream_kind(), stream(), bytes(40)}]).

port_kind() ->
    oneof([hello, ready, fault, ping, pong, drain, log]).

stream_kind() ->
    oneof([open, entered, chunk, fin, trailers, credit, abort, inform, head, reply]).

stream() ->
    oneof([256, 257, 2147483646, 2147483647, integer(256, 2147483647)]).

%% What an ordinary encoder makes of a frame: the wire without gwport_frame's help [F1, F3].
wire({Kind, Payload}) ->
    framed({gwport_frame:kind(Kind), Payload});
wire({Kind, Stream, Payload}) ->
    framed({gwport_frame:kind(Kind), Stream, Payload}).

framed(Term) ->
    Bin = term_to_binary(Term),
    <<(byte_size(Bin)):32, Bin/binary>>.

%% Bytes that look like frames for a while: cut off, changed in one place, or nothing of the kind.
broken_wire() ->
    ?LET({Frames, Place, Byte, Junk}, {list(frame()), non_neg_integer(), byte(), binary()},
        begin
            Wire = iolist_to_binary([wire(Frame) || Frame <- Frames]),
            oneof([Junk, <<Wire/binary, Junk/binary>>, changed(Wire, Place, Byte),
                binary:part(Wire, 0, Place rem (byte_size(Wire) + 1))])
        end).

changed(<<>>, _, _) ->
    <<>>;
changed(Wire, Place, Byte) ->
    At = Place rem byte_size(Wire),
    <<Before:At/binary, _, After/binary>> = Wire,
    <<Before/binary, Byte, After/binary>>.

%% Where a read ends: sizes, used in turn.
cuts() ->
    non_empty(list(oneof([1, 2, 3, integer(1, 20), integer(1, 400)]))).

%% Bin in pieces of these sizes, as often as it takes.
split(Bin, Sizes) ->
    split(Bin, Sizes, Sizes).

split(<<>>, _, _) ->
    [];
split(Bin, [], Sizes) ->
    split(Bin, Sizes, Sizes);
split(Bin, [Size | Rest], Sizes) when Size < byte_size(Bin) ->
    <<Piece:Size/binary, Left/binary>> = Bin,
    [Piece | split(Left, Rest, Sizes)];
split(Bin, _, _) ->
    [Bin].

bytes(Max) ->
    ?LET(Size, integer(0, Max), binary(Size)).

token() ->
    ?LET(Name, non_empty(list(oneof(lists:seq($a, $z) ++ lists:seq($A, $Z) ++ "-_!#$%&'*+.^`|~19"))),
        list_to_binary(Name)).

%% A field that may or may not be fit for a client.
field() ->
    {oneof([token(), binary(),
        oneof([<<"Content-Length">>, <<"content-length">>, <<"Set-Cookie">>, <<"Connection">>,
            <<"X-A">>, <<"x-a">>, <<"Transfer-Encoding">>])]),
     oneof([binary(), <<"5">>, <<"close">>, <<"x-a, Close">>, <<"a\r\nb">>])}.
