%% Bytes of a program, or of a client, as a line of the log that nobody can take for another one: what
%% is not printable is quoted, as Go's log/slog does. Pure.
%% @hidden
-module(gwport_line).

-export([text/1, text/2, attribute/1, block/1, quote/1, json/1]).
-export([pieces/1, full_pieces/1, level/1, begins_crash/1]).
-export([begins_stack/1, begins_recovered/1]).

%% A line longer than this is cut into pieces.
-define(MAX_LINE, 8192).
%% How many bytes of a character can stand before its last one.
-define(MAX_BEFORE, 3).

%% As it is, if that cannot be misread, or else in quotes: it has something unprintable in it, or
%% begins like what is quoted. A tab harms nobody.
-spec text(binary()) -> binary().
text(Bytes) ->
    text(Bytes, alone).

%% With attributes behind it a text must not look as if it had some itself.
-spec text(binary(), alone | attributes) -> binary().
text(<<$", _/bytes>> = Bytes, _) -> quote(Bytes);
text(Bytes, alone) -> quoted(is_plain(Bytes, "\t"), Bytes);
text(Bytes, attributes) -> quoted(is_plain(Bytes, "\t") andalso is_without(Bytes, "=\""), Bytes).

%% A key or a value.
-spec attribute(binary()) -> binary().
attribute(<<>>) -> quote(<<>>);
attribute(Bytes) -> quoted(is_plain(Bytes, "") andalso is_without(Bytes, " =\""), Bytes).

%% Several lines as one text. Those behind the first are set in, so that none can be taken for the
%% first line of something else.
-spec block([binary()]) -> binary().
block(Lines) ->
    iolist_to_binary(lists:join(<<"\n    ">>, [text(Line) || Line <- Lines])).

quoted(true, Bytes) -> Bytes;
quoted(false, Bytes) -> quote(Bytes).

is_plain(<<C/utf8, Rest/bytes>>, Allowed) ->
    (is_printable(C) orelse lists:member(C, Allowed)) andalso is_plain(Rest, Allowed);
is_plain(Rest, _) ->
    Rest =:= <<>>.

is_without(Bytes, Characters) ->
    binary:match(Bytes, [<<C>> || C <- Characters]) =:= nomatch.

%% In quotes, whatever it is.
-spec quote(binary()) -> binary().
quote(Bytes) ->
    iolist_to_binary([$", escape(Bytes), $"]).

escape(<<C/utf8, Rest/bytes>>) -> [escaped(C) | escape(Rest)];
escape(<<Byte, Rest/bytes>>) -> [io_lib:format("\\x~2.16.0b", [Byte]) | escape(Rest)];
escape(<<>>) -> [].

escaped($") -> "\\\"";
escaped($\\) -> "\\\\";
escaped($\n) -> "\\n";
escaped($\r) -> "\\r";
escaped($\t) -> "\\t";
escaped(C) ->
    case is_printable(C) of
        true -> <<C/utf8>>;
        false when C < 16#80 -> io_lib:format("\\x~2.16.0b", [C]);
        false when C < 16#10000 -> io_lib:format("\\u~4.16.0b", [C]);
        false -> io_lib:format("\\U~8.16.0b", [C])
    end.

%% A string of JSON. Bytes that are no UTF-8 are U+FFFD there, as JSON has no others.
-spec json(binary()) -> binary().
json(Bytes) ->
    iolist_to_binary([$", json_text(Bytes), $"]).

json_text(<<C/utf8, Rest/bytes>>) -> [json_character(C) | json_text(Rest)];
json_text(<<_, Rest/bytes>>) -> ["\\ufffd" | json_text(Rest)];
json_text(<<>>) -> [].

json_character($") -> "\\\"";
json_character($\\) -> "\\\\";
json_character(C) ->
    case is_printable(C) of
        true -> <<C/utf8>>;
        false -> [io_lib:format("\\u~4.16.0b", [Half]) || <<Half:16>> <= <<C/utf16>>]
    end.

%% Not the controls; not what separates lines or paragraphs, is not seen, or turns the direction of
%% what follows; nor what is no character.
is_printable(C) when C < 16#20; C >= 16#7f, C =< 16#a0; C =:= 16#ad -> false;
is_printable(C) when C =:= 16#61c; C =:= 16#180e; C =:= 16#feff -> false;
is_printable(C) when C >= 16#200b, C =< 16#200f; C >= 16#2028, C =< 16#202e -> false;
is_printable(C) when C >= 16#2060, C =< 16#206f; C >= 16#fff9, C =< 16#fffb -> false;
is_printable(C) when C >= 16#e0000, C =< 16#e0fff; C band 16#fffe =:= 16#fffe -> false;
is_printable(_) -> true.

%% A line in pieces that are not too long; none ends inside a character.
-spec pieces(binary()) -> [binary()].
pieces(Line) ->
    {Pieces, Rest} = full_pieces(Line),
    Pieces ++ [Rest].

%% What of a line that may go on is more than one can be, and the rest of it.
-spec full_pieces(binary()) -> {[binary()], Rest :: binary()}.
full_pieces(Line) when byte_size(Line) =< ?MAX_LINE ->
    {[], Line};
full_pieces(Line) ->
    {Piece, Rest} = split_binary(Line, boundary(Line, ?MAX_LINE, ?MAX_BEFORE)),
    {Pieces, Last} = full_pieces(Rest),
    {[Piece | Pieces], Last}.

boundary(Line, At, Left) ->
    case binary:at(Line, At) band 16#c0 of
        16#80 when Left > 0 -> boundary(Line, At - 1, Left - 1);
        16#80 -> ?MAX_LINE;
        _ -> At
    end.

%% The level that stands in front of a line, as RFC 5424's number (SPEC.md, P3), and the rest of it.
-spec level(binary()) -> {none | 0..7, binary()}.
level(<<$<, Digit, $>, Line/bytes>>) when Digit >= $0, Digit =< $7 -> {Digit - $0, Line};
level(Line) -> {none, Line}.

%% Whether it is the first of a program's last words: as Go's runtime writes them, and Python.
-spec begins_crash(binary()) -> boolean().
begins_crash(<<"panic: ", _/bytes>>) -> true;
begins_crash(<<"fatal error: ", _/bytes>>) -> true;
begins_crash(<<"runtime: goroutine stack exceeds ", _/bytes>>) -> true;
begins_crash(<<"runtime: out of memory", _/bytes>>) -> true;
begins_crash(<<"Traceback (most recent call last)", _/bytes>>) -> true;
begins_crash(<<"SIG", _/bytes>> = Line) -> lists:member(Line, signals());
begins_crash(_) -> false.

%% A stack: of a panic that a program has caught and printed, or of one whose first line is glued to
%% something without an end of line.
-spec begins_stack(binary()) -> boolean().
begins_stack(<<"goroutine ", Rest/bytes>>) -> is_state(Rest);
begins_stack(_) -> false.

%% What a framework writes of a panic that it has caught, its stack behind it: chi, gin and net/http,
%% which has the client's address in it.
-spec begins_recovered(binary()) -> boolean().
begins_recovered(<<" panic: ", _/bytes>>) -> true;
begins_recovered(Line) ->
    case binary:match(Line, [<<" panic recovered:">>, <<" panic serving ">>]) of
        {At, _} -> is_framework(binary_part(Line, 0, At));
        nomatch -> false
    end.

%% What stands before it: a level, a colour, the time of package log, and the framework's own.
is_framework(Before) ->
    match =:= re:run(Before, "^(<[0-7]>)?(\e\\[31m)?([0-9/]{10} )?([0-9:.]{8,15} )?"
        "(http2?:|\\[Recovery\\] [0-9/]{10} - [0-9:]{8})$", [{capture, none}]).

%% `1 [running]:', or with more in the brackets.
is_state(<<C, Rest/bytes>>) when C >= $0, C =< $9 -> is_state(Rest);
is_state(<<" [", _/bytes>>) -> true;
is_state(_) -> false.

%% Those that end a Go program with a trace. A program may speak of signals too.
signals() ->
    [<<"SIGQUIT: quit">>, <<"SIGABRT: abort">>, <<"SIGSEGV: segmentation violation">>,
        <<"SIGBUS: bus error">>, <<"SIGFPE: floating-point exception">>,
        <<"SIGILL: illegal instruction">>, <<"SIGTRAP: trace trap">>, <<"SIGSYS: bad system call">>].
