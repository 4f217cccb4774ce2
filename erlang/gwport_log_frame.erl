%% The payload of a `log` frame as a line for OTP's logger (SPEC.md, D5).
%% @hidden
-module(gwport_log_frame).

-export([read/1, level/1, severity/1]).

-define(MAX_PAYLOAD, 65536).

%% Dropped: how many lines the program had to discard before this one.
-spec read(Payload :: binary()) ->
    {ok, logger:level(), Text :: iodata(), Meta :: map(), Dropped :: non_neg_integer()}
  | {error, too_large | unreadable}.
read(Payload) when byte_size(Payload) > ?MAX_PAYLOAD ->
    {error, too_large};
read(Payload) ->
    case gwport_frame:decode_payload(Payload) of
        {ok, {Level, Text, Meta}} when is_integer(Level), is_binary(Text), is_map(Meta) ->
            line(is_meta(Meta), Level, Text, Meta);
        _ ->
            {error, unreadable}
    end.

line(true, Level, Text, Meta) ->
    Line = [gwport_line:text(Text, attributes) | attributes(Meta)],
    {ok, level(Level), Line, Meta, dropped(Meta)};
line(false, _, _, _) ->
    {error, unreadable}.

is_meta(Meta) ->
    lists:all(fun({Key, Value}) -> is_binary(Key) andalso is_value(Value) end, maps:to_list(Meta)).

is_value(Value) -> is_binary(Value) orelse is_number(Value) orelse is_boolean(Value).

dropped(#{<<"dropped">> := Dropped}) when is_integer(Dropped), Dropped > 0 -> Dropped;
dropped(_) -> 0.

%% RFC 5424's number as a level, and back.
-spec level(integer()) -> logger:level().
level(0) -> emergency;
level(1) -> alert;
level(2) -> critical;
level(3) -> error;
level(4) -> warning;
level(5) -> notice;
level(6) -> info;
level(_) -> debug.

-spec severity(error | warning | notice | info | debug) -> 3..7.
severity(error) -> 3;
severity(warning) -> 4;
severity(notice) -> 5;
severity(info) -> 6;
severity(debug) -> 7.

%% The stack of a panic is for people to read: its lines stand below.
attributes(Meta) ->
    [[$\s, gwport_line:attribute(Key), $=, value(Value)]
        || {Key, Value} <- maps:to_list(maps:without([<<"dropped">>, <<"stack">>], Meta))]
        ++ [[<<"\n    ">>, gwport_line:block(stack_lines(Stack))]
            || #{<<"stack">> := Stack} <- [Meta]].

stack_lines(Stack) when is_binary(Stack) ->
    binary:split(string:trim(Stack, trailing, "\n"), <<"\n">>, [global]);
stack_lines(Value) ->
    [iolist_to_binary(value(Value))].

value(Value) when is_binary(Value) -> gwport_line:attribute(Value);
value(Value) -> io_lib:format("~0p", [Value]).
