%% A request on its way into a port: encoded once, with what the port must know of it.
-module(gwport_request).

-export([encode/2, body/1, is_idempotent/1]).

%% What `open` has before the Request: version byte, tuple, type and window.
-define(OPEN_HEAD, 10).

%% The Request map of SPEC.md, section 6, as the writer wants it. Max is the program's max_head.
-spec encode(gwport_environ:request(), Max :: pos_integer()) ->
    {ok, gwport_port:request()} | {error, too_large_head}.
encode(Request = #{<<"method">> := Method}, Max) ->
    %% The version byte is the envelope's, see gwport_frame:encode_open/3.
    <<131, Encoded/binary>> = term_to_binary(Request),
    case byte_size(Encoded) + ?OPEN_HEAD =< Max of
        true -> {ok, #{request => Encoded, body => body(Request),
            idempotent => is_idempotent(Method)}};
        false -> {error, too_large_head}
    end.

-spec body(gwport_environ:request()) -> none | now | continue.
body(#{<<"length">> := 0}) -> none;
body(#{<<"continue">> := true}) -> continue;
body(_) -> now.

%% RFC 9110, 9.2.2. Of other methods the program says when the app is entered.
-spec is_idempotent(binary()) -> boolean().
is_idempotent(<<"GET">>) -> true;
is_idempotent(<<"HEAD">>) -> true;
is_idempotent(<<"PUT">>) -> true;
is_idempotent(<<"DELETE">>) -> true;
is_idempotent(<<"OPTIONS">>) -> true;
is_idempotent(<<"TRACE">>) -> true;
is_idempotent(_) -> false.
