%% @doc Compresses responses for clients that take gzip, by OTP's zlib.
%%
%% A body that comes in blocks is compressed block by block, and each is flushed, so that it reaches
%% the client when it would without; one under way holds some 260 KB of memory meanwhile.
%%
%% It leaves alone what is small, has a Content-Encoding, a Content-Range, a digest or no
%% Content-Type, is of no type that gains by it, or has no-transform in its Cache-Control; the
%% statuses 204, 205, 206 and 304; and HEAD. An ETag becomes a weak one, since the bytes are others;
%% Accept-Ranges goes.
%%
%% A page that has a secret and what an attacker has chosen tells him of the secret by its
%% compressed length (BREACH).
%%
%% ```
%% gwport_gateway:chain(App, [gwport_mw_gzip:around(#{level => 1})])
%% '''
-module(gwport_mw_gzip).

-export([around/1]).

-export_type([options/0]).

-type options() :: #{
    level => 1..9,
    min_size => non_neg_integer(),
    types => [binary() | string()]}.
%% See around/1.

%% A window of 2^15 bytes, and gzip's format.
-define(WINDOW_BITS, 31).
-define(MEMORY_LEVEL, 8).

%% @doc The middleware. Options, as a map, a keyword list or a property list:
%%
%% <ul>
%% <li>`level' (6): from 1, fast, to 9, small</li>
%% <li>`min_size' (1024): how many bytes a body has at least that is compressed, if that is
%%     known</li>
%% <li>`types': the media types that are compressed, such as `text/html', `text/*', `*+json'. They
%%     are text/*, *+json, *+xml, application/json, application/javascript, application/xml,
%%     application/x-ndjson and application/wasm</li>
%% </ul>
-spec around(options() | proplists:proplist()) -> gwport_gateway:middleware().
around(Given) ->
    Options = gwport_mw_options:check(Given,
        #{level => 6, min_size => 1024, types => types()}, fun value/2),
    fun(App) ->
        fun(Environ = #{<<"REQUEST_METHOD">> := Method}) ->
            Accepts = accepts(maps:get(<<"HTTP_ACCEPT_ENCODING">>, Environ, <<>>)),
            gwport_mw_response:then(App(Environ), fun(Response) ->
                answer(Response, Accepts, Method, Options)
            end)
        end
    end.

types() ->
    [<<"text/*">>, <<"*+json">>, <<"*+xml">>, <<"application/json">>,
        <<"application/javascript">>, <<"application/xml">>, <<"application/x-ndjson">>,
        <<"application/wasm">>].

value(level, Given) -> gwport_mw_options:integer(Given, 1, 9);
value(min_size, Given) -> gwport_mw_options:integer(Given, 0, 16#7fffffff);
value(types, Given) when is_list(Given), length(Given) > 0 ->
    Types = [gwport_mw_options:text(Each) || Each <- Given],
    gwport_mw_options:expected(lists:all(fun({_, Text}) -> is_type(Text) end, Types),
        [gwport_field:lower(Text) || {ok, Text} <- Types], not_types());
value(types, _) ->
    {error, not_types()}.

not_types() ->
    "expected media types such as text/html, text/* or *+json".

is_type(<<"*+", Suffix/binary>>) -> is_plain(Suffix);
is_type(Text) when is_binary(Text) ->
    case binary:split(Text, <<"/">>) of
        [Type, <<"*">>] -> is_plain(Type);
        [Type, Sub] -> is_plain(Type) andalso is_plain(Sub);
        _ -> false
    end;
is_type(_) -> false.

is_plain(Text) ->
    gwport_field:is_token(Text) andalso binary:match(Text, <<"*">>) =:= nomatch.

answer(Response = {Status, Headers, Body}, Accepts, Method, Options) ->
    case {gwport_mw_response:code(Status), gains(Response, Options)} of
        {304, _} when Accepts ->
            {Status, weakened(Headers), Body};
        {_, false} ->
            Response;
        {_, true} ->
            Varied = gwport_mw_response:vary([<<"Accept-Encoding">>], Headers),
            case Accepts andalso Method =/= <<"HEAD">> of
                true -> compressed({Status, weakened(Varied), Body}, Options);
                false -> {Status, Varied, Body}
            end
    end.

%% Whether a response is one that is compressed where the client takes that.
gains(Response = {Status, Headers, _}, Options) ->
    not lists:member(gwport_mw_response:code(Status), [204, 205, 206, 304])
        andalso lists:all(fun(Name) -> gwport_mw_response:first(Name, Headers) =:= <<>> end,
            [<<"content-encoding">>, <<"content-range">>, <<"content-digest">>,
                <<"repr-digest">>, <<"digest">>, <<"content-md5">>])
        andalso not lists:member(<<"no-transform">>,
            gwport_mw_response:elements(<<"cache-control">>, Headers))
        andalso is_of_type(gwport_mw_response:first(<<"content-type">>, Headers), Options)
        andalso is_large(gwport_mw_response:length_of(Response), Options).

%% An atom is more than any number.
is_large(Size, #{min_size := Min}) -> Size >= Min.

is_of_type(ContentType, #{types := Types}) ->
    [Media | _] = binary:split(gwport_field:lower(ContentType), <<";">>),
    Trimmed = string:trim(Media, both, " \t"),
    lists:any(fun(Type) -> is_type(Trimmed, binary:split(Type, <<"*">>)) end, Types).

is_type(Media, [Type]) ->
    Media =:= Type;
is_type(Media, [Before, Behind]) when byte_size(Media) >= byte_size(Before) + byte_size(Behind) ->
    Media =/= <<>> andalso binary:part(Media, 0, byte_size(Before)) =:= Before
        andalso binary:part(Media, byte_size(Media), -byte_size(Behind)) =:= Behind;
is_type(_, _) ->
    false.

weakened(Headers) ->
    case gwport_mw_response:first(<<"etag">>, Headers) of
        <<"\"", _/binary>> = Tag ->
            gwport_mw_response:set(<<"etag">>, <<"W/", Tag/binary>>, Headers);
        _ -> Headers
    end.

%% Accept-Encoding (RFC 9110, section 12.5.3): gzip is taken, and liked no less than what is not
%% compressed. A quality is in thousandths here.
accepts(Field) ->
    Liked = lists:foldl(fun like/2, #{},
        gwport_mw_response:words(gwport_field:lower(Field))),
    Gzip = maps:get(<<"gzip">>, Liked, maps:get(<<"*">>, Liked, 0)),
    Gzip > 0 andalso Gzip >= maps:get(<<"identity">>, Liked, 0).

like(Word, Liked) ->
    [Coding0 | Parameter] = [string:trim(Part, both, " \t")
        || Part <- binary:split(Word, <<";">>)],
    Coding = case Coding0 of <<"x-gzip">> -> <<"gzip">>; _ -> Coding0 end,
    case quality(Parameter) of
        error -> Liked;
        Quality -> Liked#{Coding => max(Quality, maps:get(Coding, Liked, 0))}
    end.

quality([]) -> 1000;
quality([<<"q=", Number/binary>>]) -> number(Number);
quality(_) -> error.

number(<<"0">>) -> 0;
number(<<"0.", Digits/binary>>) when byte_size(Digits) =< 3 -> thousandths(Digits, 0, 100);
number(<<"1">>) -> 1000;
number(<<"1.", Zeros/binary>>) when Zeros =:= <<>>; Zeros =:= <<"0">>; Zeros =:= <<"00">>;
        Zeros =:= <<"000">> -> 1000;
number(_) -> error.

thousandths(<<>>, Sum, _) -> Sum;
thousandths(<<C, Rest/binary>>, Sum, Unit) when C >= $0, C =< $9 ->
    thousandths(Rest, Sum + (C - $0) * Unit, Unit div 10);
thousandths(_, _, _) -> error.

compressed({Status, Headers0, Body}, #{level := Level}) ->
    Headers = gwport_mw_response:without([<<"content-length">>, <<"accept-ranges">>], Headers0)
        ++ [{<<"content-encoding">>, <<"gzip">>}],
    {Status, Headers, body(Level, Body)}.

%% There is a compressor from the first block on, which is its process's and ends with it.
body(Level, {Next, State}) -> {blocks(Level, Next), {none, State}};
body(Level, {Next, State, Close}) -> {blocks(Level, Next), {none, State}, Close};
body(Level, Body) -> finished(opened(Level, none), Body).

blocks(Level, Next) ->
    fun({Z0, State0}) ->
        case Next(State0) of
            {continue, Block, State} ->
                Z = opened(Level, Z0),
                {continue, flushed(Z, Block), {Z, State}};
            {stop, Block} ->
                {stop, finished(opened(Level, Z0), Block)};
            stop ->
                {stop, finished(opened(Level, Z0), [])};
            NoAnswer ->
                NoAnswer
        end
    end.

opened(Level, none) ->
    Z = zlib:open(),
    ok = zlib:deflateInit(Z, Level, deflated, ?WINDOW_BITS, ?MEMORY_LEVEL, default),
    Z;
opened(_, Z) ->
    Z.

%% Each flush takes some bytes, also where there is nothing to flush.
flushed(Z, Block) ->
    case iolist_size(Block) of
        0 -> [];
        _ -> zlib:deflate(Z, Block, sync)
    end.

finished(Z, Block) ->
    Last = zlib:deflate(Z, Block, finish),
    ok = zlib:deflateEnd(Z),
    ok = zlib:close(Z),
    Last.
