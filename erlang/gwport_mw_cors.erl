%% @doc Lets pages of other origins read responses (the Fetch standard, section 3.2), and answers
%% their preflights itself, with 204.
%%
%% An origin that is not in the list gets the response without a word of CORS, by which its browser
%% keeps it from the page; for who has no browser this is no protection. Its fields are the only
%% ones: those of the app's are taken away.
%%
%% ```
%% gwport_mw_cors:around(#{origins => ["https://shop.example"], methods => ["PUT"]})
%% '''
-module(gwport_mw_cors).

-export([around/1]).

-export_type([options/0]).

-type options() :: #{
    origins := [binary() | string()],
    methods => [binary() | string()],
    headers => [binary() | string()],
    expose => [binary() | string()],
    credentials => boolean(),
    max_age => non_neg_integer()}.
%% See around/1.

%% @doc The middleware. Options, as a map, a keyword list or a property list:
%%
%% <ul>
%% <li>`origins' (required): those of the pages, such as `https://shop.example'; `*' stands for
%%     all</li>
%% <li>`methods' (none): methods that pages may use besides GET, HEAD and POST; `*' stands for
%%     all</li>
%% <li>`headers' (none): fields of a request that pages may set besides those that any page may; `*'
%%     stands for all</li>
%% <li>`expose' (none): fields of a response that pages may read besides those that any page may</li>
%% <li>`credentials' (false): whether browsers send their cookies. Not together with the origin `*',
%%     since then any page could act as any user</li>
%% <li>`max_age' (0): how many seconds a browser may remember the answer to a preflight. At 0 it
%%     decides: five seconds, mostly</li>
%% </ul>
-spec around(options() | proplists:proplist()) -> gwport_gateway:middleware().
around(Given) ->
    Options = whole(gwport_mw_options:check(Given, #{methods => [], headers => [], expose => [],
        credentials => false, max_age => 0}, [origins], fun value/2)),
    fun(App) ->
        fun(Environ) ->
            Origin = maps:get(<<"HTTP_ORIGIN">>, Environ, <<>>),
            call(Origin, allowed(Origin, Options), Environ, App, Options)
        end
    end.

value(origins, Given) when is_list(Given), length(Given) > 0 ->
    Origins = [gwport_mw_options:text(Each) || Each <- Given],
    gwport_mw_options:expected(lists:all(fun({_, Text}) -> is_origin(Text) end, Origins),
        [gwport_field:lower(Text) || {ok, Text} <- Origins], not_origins());
value(origins, _) -> {error, not_origins()};
value(credentials, Given) -> gwport_mw_options:boolean(Given);
value(max_age, Given) -> gwport_mw_options:integer(Given, 0, 16#7fffffff);
value(_, Given) -> gwport_mw_options:tokens(Given).

not_origins() ->
    "expected origins such as https://shop.example, with no path, or *".

%% As browsers send it: scheme://host, and :port unless it is the scheme's.
is_origin(<<"*">>) -> true;
is_origin(Text) when is_binary(Text) ->
    case binary:split(Text, <<"://">>) of
        [Scheme, Host = <<_, _/binary>>] -> gwport_field:is_token(Scheme)
            andalso << <<C>> || <<C>> <= Host, C > $\s, C =/= 127,
                not lists:member(C, "/?#@*,") >> =:= Host;
        _ -> false
    end;
is_origin(_) -> false.

whole(Options = #{origins := Origins, credentials := Credentials}) ->
    case Credentials andalso lists:member(<<"*">>, Origins) of
        true -> error({bad_option, {credentials, true, "expected origins by name, and not *"}});
        false -> Options
    end.

allowed(Origin, #{origins := Origins}) ->
    case {lists:member(<<"*">>, Origins), lists:member(Origin, Origins)} of
        {true, _} -> <<"*">>;
        {false, true} -> Origin;
        {false, false} -> none
    end.

call(Origin, Allowed, Environ = #{<<"REQUEST_METHOD">> := <<"OPTIONS">>,
        <<"HTTP_ACCESS_CONTROL_REQUEST_METHOD">> := <<_, _/binary>>}, _, Options)
        when Origin =/= <<>> ->
    preflight(Allowed, Environ, Options);
call(Origin, Allowed, Environ, App, Options) ->
    gwport_mw_response:then(App(Environ), fun({Status, Headers, Body}) ->
        {Status, answer(Origin, Allowed, Headers, Options), Body}
    end).

%% What a browser asks before it sends a request.
preflight(Allowed, Environ, Options) ->
    {204, gwport_mw_response:vary([<<"Origin">>, <<"Access-Control-Request-Method">>,
        <<"Access-Control-Request-Headers">>], []) ++ permits(Allowed, Environ, Options), <<>>}.

permits(none, _, _) ->
    [];
permits(Allowed, Environ, Options = #{methods := Methods, headers := Fields, max_age := MaxAge}) ->
    grant(Allowed, Options)
        ++ [{<<"access-control-allow-methods">>,
            list([<<"GET">>, <<"HEAD">>, <<"POST">>], Methods,
                <<"HTTP_ACCESS_CONTROL_REQUEST_METHOD">>, Environ)}]
        ++ [{<<"access-control-allow-headers">>, List}
            || List <- [list([], Fields, <<"HTTP_ACCESS_CONTROL_REQUEST_HEADERS">>, Environ)],
                List =/= <<>>]
        ++ [{<<"access-control-max-age">>, integer_to_binary(MaxAge)} || MaxAge > 0].

%% For all of them stands what is asked for: with credentials a star is none.
list(Always, Words, Key, Environ) ->
    case lists:member(<<"*">>, Words) of
        true -> maps:get(Key, Environ, <<>>);
        false -> join(Always ++ Words)
    end.

join(Words) ->
    iolist_to_binary(lists:join(", ", Words)).

%% Who may read a response.
answer(Origin, Allowed, Headers0, Options = #{expose := Expose}) ->
    Headers = gwport_mw_response:without([<<"access-control-allow-origin">>,
        <<"access-control-allow-credentials">>, <<"access-control-expose-headers">>], Headers0),
    Varied = case Allowed of
        <<"*">> -> Headers;
        _ -> gwport_mw_response:vary([<<"Origin">>], Headers)
    end,
    case Origin =/= <<>> andalso Allowed =/= none of
        true -> Varied ++ grant(Allowed, Options)
            ++ [{<<"access-control-expose-headers">>, join(Expose)} || Expose =/= []];
        false -> Varied
    end.

grant(Allowed, #{credentials := Credentials}) ->
    [{<<"access-control-allow-origin">>, Allowed}
        | [{<<"access-control-allow-credentials">>, <<"true">>} || Credentials]].
